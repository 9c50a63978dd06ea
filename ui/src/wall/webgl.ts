/** Drawing with WebGL2: one canvas, textures per tile, and only the tiles that changed. */
import type { Picture } from '@/media/sinks/sink'
import type { DrawBackend } from './backend'
import { contain, type Rect } from './layout'
import { colourOf, isSideways, type Look, PLAIN, placeOf } from './look'

const VERTEX = `#version 300 es
uniform mat2 place;
out vec2 at;
void main() {
  // A triangle that covers the viewport; the picture's first row is at the top.
  vec2 p = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  at = place * vec2(p.x * 0.5, -p.y * 0.5) + 0.5;
  gl_Position = vec4(p, 0.0, 1.0);
}`

const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D a, b, c;
uniform int planes; // 0: RGB in a; 2: Y in a, UV in b; 3: Y, U, V
uniform mat3 toRgb;
uniform vec3 offset;
uniform float grey;
uniform mat3 colouring;
uniform float colourOffset;
in vec2 at;
out vec4 colour;
void main() {
  vec3 rgb;
  if (planes == 0) rgb = texture(a, at).rgb;
  else {
    vec2 uv = planes == 2 ? texture(b, at).rg : vec2(texture(b, at).r, texture(c, at).r);
    rgb = toRgb * (vec3(texture(a, at).r, uv) - offset);
  }
  rgb = clamp(colouring * rgb + colourOffset, 0.0, 1.0);
  if (grey > 0.0) rgb = mix(rgb, vec3(dot(rgb, vec3(0.2126, 0.7152, 0.0722)) * 0.7), grey);
  colour = vec4(rgb, 1.0);
}`

type Uniform = 'planes' | 'toRgb' | 'offset' | 'grey' | 'place' | 'colouring' | 'colourOffset'

interface TileTextures {
  textures: WebGLTexture[]
  layout: string
  width: number
  height: number
  planes: 0 | 2 | 3
  toRgb: Float32Array
  offset: Float32Array
}

/** Column-major matrix and offset that turn sampled Y, Cb, Cr into RGB: BT.601 and BT.709, clause "quantization". */
export function yuvToRgb(matrix: 'bt601' | 'bt709', fullRange: boolean): { toRgb: Float32Array; offset: Float32Array } {
  const [kr, kb] = matrix === 'bt709' ? [0.2126, 0.0722] : [0.299, 0.114]
  const kg = 1 - kr - kb
  const y = fullRange ? 1 : 255 / 219
  const c = fullRange ? 1 : 255 / 224
  return {
    toRgb: Float32Array.of(
      y, y, y,
      0, (-2 * kb * (1 - kb) * c) / kg, 2 * (1 - kb) * c,
      2 * (1 - kr) * c, (-2 * kr * (1 - kr) * c) / kg, 0,
    ),
    offset: Float32Array.of(fullRange ? 0 : 16 / 255, 128 / 255, 128 / 255),
  }
}

/** A pass over so many pixels takes this long only where the processor does it. */
const SOFTWARE_PASS_MS = 4
const PASS_PIXELS = 1024

export class WebGlBackend implements DrawBackend {
  readonly kind = 'webgl2'
  software: boolean
  private readonly canvas: HTMLCanvasElement
  private readonly gl: WebGL2RenderingContext
  private readonly tiles = new Map<number, TileTextures>()
  private uniforms: Record<Uniform, WebGLUniformLocation | null> | null = null
  private readonly restored: () => void
  /** The one the uniforms have now. */
  private look: Look | null = null

  /** `restored` is called when a lost context is back: every tile is empty until its next picture. */
  static create(canvas: HTMLCanvasElement, restored: () => void): WebGlBackend | null {
    const gl = canvas.getContext('webgl2', {
      alpha: false, antialias: false, depth: false, stencil: false, desynchronized: false,
      // Tiles that did not change keep their pixels, so a picture costs its own window and not the wall.
      preserveDrawingBuffer: true,
      powerPreference: 'low-power',
    })
    if (gl === null) return null
    try {
      return new WebGlBackend(canvas, gl, restored)
    } catch {
      return null
    }
  }

  private constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, restored: () => void) {
    this.canvas = canvas
    this.gl = gl
    this.restored = restored
    this.setUp()
    this.software = this.isSoftware()
    canvas.addEventListener('webglcontextlost', this.onLost)
    canvas.addEventListener('webglcontextrestored', this.onRestored)
  }

  get usable(): boolean {
    return this.uniforms !== null && !this.gl.isContextLost()
  }

  resize(width: number, height: number): void {
    this.canvas.width = width
    this.canvas.height = height
    this.clear({ x: 0, y: 0, width, height })
  }

  upload(tile: number, picture: Picture): void {
    if (!this.usable) return
    const { gl } = this
    const planes = picture.kind === 'frame' ? 0 : picture.kind === 'nv12' ? 2 : 3
    let own = this.tiles.get(tile)
    if (own !== undefined && own.planes !== planes) {
      this.forget(tile)
      own = undefined
    }
    if (own === undefined) {
      own = {
        textures: Array.from({ length: Math.max(1, planes) }, () => this.texture()),
        layout: '', width: 0, height: 0, planes, toRgb: new Float32Array(9), offset: new Float32Array(3),
      }
      this.tiles.set(tile, own)
    }
    own.width = picture.width
    own.height = picture.height
    gl.activeTexture(gl.TEXTURE0)
    if (picture.kind === 'frame') {
      gl.bindTexture(gl.TEXTURE_2D, own.textures[0] ?? null)
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture.frame)
      return
    }
    Object.assign(own, yuvToRgb(picture.matrix, picture.fullRange))
    const { width, height } = picture
    const layout = `${width}x${height}`
    const fresh = own.layout !== layout
    own.layout = layout
    const half = [(width + 1) >> 1, (height + 1) >> 1] as const
    this.plane(own.textures[0], fresh, gl.R8, gl.RED, width, height, picture.y)
    if (picture.kind === 'nv12') {
      this.plane(own.textures[1], fresh, gl.RG8, gl.RG, ...half, picture.uv)
    } else {
      this.plane(own.textures[1], fresh, gl.R8, gl.RED, ...half, picture.u)
      this.plane(own.textures[2], fresh, gl.R8, gl.RED, ...half, picture.v)
    }
  }

  draw(tile: number, cell: Rect, grey: boolean, look: Look = PLAIN): boolean {
    const own = this.tiles.get(tile)
    if (own === undefined || !this.usable || this.uniforms === null) return false
    const { gl, uniforms } = this
    this.clear(cell)
    const sideways = isSideways(look)
    const box = contain(cell, sideways ? own.height : own.width, sideways ? own.width : own.height)
    gl.viewport(box.x, this.canvas.height - box.y - box.height, box.width, box.height)
    for (let i = 0; i < own.textures.length; i++) {
      gl.activeTexture(gl.TEXTURE0 + i)
      gl.bindTexture(gl.TEXTURE_2D, own.textures[i] ?? null)
    }
    gl.uniform1i(uniforms.planes, own.planes)
    gl.uniform1f(uniforms.grey, grey ? 1 : 0)
    if (look !== this.look) {
      this.look = look
      const { matrix, offset } = colourOf(look)
      gl.uniformMatrix2fv(uniforms.place, false, placeOf(look))
      gl.uniformMatrix3fv(uniforms.colouring, false, matrix)
      gl.uniform1f(uniforms.colourOffset, offset)
    }
    if (own.planes !== 0) {
      gl.uniformMatrix3fv(uniforms.toRgb, false, own.toRgb)
      gl.uniform3fv(uniforms.offset, own.offset)
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3)
    return true
  }

  clear(cell: Rect): void {
    if (!this.usable) return
    const { gl } = this
    gl.scissor(cell.x, this.canvas.height - cell.y - cell.height, cell.width, cell.height)
    gl.clear(gl.COLOR_BUFFER_BIT)
  }

  forget(tile: number): void {
    for (const texture of this.tiles.get(tile)?.textures ?? []) this.gl.deleteTexture(texture)
    this.tiles.delete(tile)
  }

  destroy(): void {
    this.canvas.removeEventListener('webglcontextlost', this.onLost)
    this.canvas.removeEventListener('webglcontextrestored', this.onRestored)
    this.tiles.clear()
    // Browsers keep only so many contexts; a page that comes and goes must not use them up.
    this.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }

  private readonly onLost = (event: Event): void => {
    // Without this the context is not restored.
    event.preventDefault()
    this.uniforms = null
    this.tiles.clear()
  }

  private readonly onRestored = (): void => {
    this.setUp()
    this.restored()
  }

  private setUp(): void {
    const { gl } = this
    const program = gl.createProgram()
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(type)
      if (shader === null) throw new Error('no shader')
      gl.shaderSource(shader, source)
      gl.compileShader(shader)
      gl.attachShader(program, shader)
    }
    gl.linkProgram(program)
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'link')
    gl.useProgram(program)
    const where = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name)
    ;['a', 'b', 'c'].forEach((name, unit) => gl.uniform1i(where(name), unit))
    this.uniforms = {
      planes: where('planes'), toRgb: where('toRgb'), offset: where('offset'), grey: where('grey'), place: where('place'),
      colouring: where('colouring'), colourOffset: where('colourOffset'),
    }
    this.look = null
    gl.bindVertexArray(gl.createVertexArray())
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.enable(gl.SCISSOR_TEST)
    gl.clearColor(0, 0, 0, 1)
  }

  private texture(): WebGLTexture {
    const { gl } = this
    const texture = gl.createTexture()
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D, texture)
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE)
    for (const size of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, size, gl.LINEAR)
    return texture
  }

  private plane(
    texture: WebGLTexture | undefined, fresh: boolean, internal: number, format: number, width: number, height: number, data: Uint8Array,
  ): void {
    const { gl } = this
    gl.bindTexture(gl.TEXTURE_2D, texture ?? null)
    if (fresh) gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, gl.UNSIGNED_BYTE, data)
    else gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, format, gl.UNSIGNED_BYTE, data)
  }

  /** By name where the engine tells it, and by the clock where it does not: WebKit says "Apple GPU" everywhere. */
  private isSoftware(): boolean {
    const { gl, canvas } = this
    const info = gl.getExtension('WEBGL_debug_renderer_info')
    const name = String(gl.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
    if (/llvmpipe|softpipe|swiftshader|software|basic render/i.test(name)) return true
    const { width, height } = canvas
    this.resize(PASS_PIXELS, PASS_PIXELS)
    const pixel = new Uint8Array(4)
    const pass = (): number => {
      const start = performance.now()
      gl.viewport(0, 0, PASS_PIXELS, PASS_PIXELS)
      for (let i = 0; i < 4; i++) gl.drawArrays(gl.TRIANGLES, 0, 3)
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel)
      return performance.now() - start
    }
    pass() // compiles
    const ms = Math.min(pass(), pass())
    this.resize(width, height)
    return ms >= SOFTWARE_PASS_MS
  }
}
