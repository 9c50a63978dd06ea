/** Drawing with WebGL2: one canvas, textures per tile, and only the tiles that changed. */
import type { Picture } from '@/media/sinks/sink'
import type { DrawBackend } from './backend'
import { dewarpOf } from './fisheye'
import type { Rect } from './layout'
import { colourOf, type Look, PLAIN, placeOf, shownSize } from './look'
import { visiblePart, WHOLE, type Zoom } from './zoom'

const VERTEX = `#version 300 es
uniform mat2 place;
uniform vec4 part; // of what is shown: left, top, width, height, 0..1
out highp vec2 at;
void main() {
  // A triangle that covers the viewport; the picture's first row is at the top.
  vec2 p = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  at = place * (part.xy + part.zw * vec2(0.5 + 0.5 * p.x, 0.5 - 0.5 * p.y) - 0.5) + 0.5;
  gl_Position = vec4(p, 0.0, 1.0);
}`

/** `lensPoint` of fisheye.ts, line by line; false where the lens saw nothing. */
const DEWARP = `
uniform highp int rows;
uniform highp vec4 span, circle;
uniform highp mat3 gaze, toLens;
uniform highp float rim;
highp vec3 direction(highp vec2 v) {
  if (rows == 0) return normalize(gaze * vec3(v.x * 2.0 - 1.0, 1.0 - v.y * 2.0, 1.0));
  highp float n = float(rows);
  highp float row = min(n - 1.0, floor(v.y * n));
  highp float heading = span.x + span.y * (v.x + row) / n;
  highp float elevation = span.z - span.w * (v.y * n - row);
  return vec3(cos(elevation) * sin(heading), cos(elevation) * cos(heading), sin(elevation));
}
bool find(inout highp vec2 v) {
  highp vec3 lens = toLens * direction(v);
  highp float aside = length(lens.xy);
  highp float reach = atan(aside, lens.z) / rim;
  highp float along = aside > 1e-6 ? reach / aside : 0.0;
  v = circle.xy + circle.zw * along * lens.xy;
  return reach <= 1.0001 && all(greaterThanEqual(v, vec2(0.0))) && all(lessThanEqual(v, vec2(1.0)));
}`

const fragment = (dewarp: boolean): string => `#version 300 es
precision mediump float;
uniform sampler2D a, b, c;
uniform int planes; // 0: RGB in a; 2: Y in a, UV in b; 3: Y, U, V
uniform mat3 toRgb;
uniform vec3 offset;
uniform float grey;
uniform mat3 colouring;
uniform float colourOffset;
// Half precision has not enough steps for the columns of a large picture.
in highp vec2 at;
out vec4 colour;
${dewarp ? DEWARP : ''}
void main() {
  vec3 rgb;
  highp vec2 from = at;
  ${dewarp ? 'if (!find(from)) { colour = vec4(0.0, 0.0, 0.0, 1.0); return; }' : ''}
  if (planes == 0) rgb = textureLod(a, from, 0.0).rgb;
  else {
    vec2 uv = planes == 2 ? textureLod(b, from, 0.0).rg : vec2(textureLod(b, from, 0.0).r, textureLod(c, from, 0.0).r);
    rgb = toRgb * (vec3(textureLod(a, from, 0.0).r, uv) - offset);
  }
  rgb = clamp(colouring * rgb + colourOffset, 0.0, 1.0);
  if (grey > 0.0) rgb = mix(rgb, vec3(dot(rgb, vec3(0.2126, 0.7152, 0.0722)) * 0.7), grey);
  colour = vec4(rgb, 1.0);
}`

const UNIFORMS = ['planes', 'toRgb', 'offset', 'grey', 'place', 'part', 'colouring', 'colourOffset'] as const
const DEWARP_UNIFORMS = ['rows', 'span', 'circle', 'gaze', 'toLens', 'rim'] as const

type Uniform = (typeof UNIFORMS)[number] | (typeof DEWARP_UNIFORMS)[number]

interface Program {
  program: WebGLProgram
  uniforms: Record<Uniform, WebGLUniformLocation | null>
  /** The one the uniforms have now. */
  look: Readonly<Look> | null
}

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
  dewarps = true
  software: boolean
  private readonly canvas: HTMLCanvasElement
  private readonly gl: WebGL2RenderingContext
  private readonly tiles = new Map<number, TileTextures>()
  private plain: Program | null = null
  /** Made for the first fisheye picture; most walls have none. */
  private dewarping: Program | null = null
  private current: Program | null = null
  private readonly restored: () => void

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
    return this.plain !== null && !this.gl.isContextLost()
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

  draw(tile: number, cell: Rect, grey: boolean, look: Readonly<Look> = PLAIN, zoom: Zoom = WHOLE): boolean {
    const own = this.tiles.get(tile)
    if (own === undefined || !this.usable || this.plain === null) return false
    const { gl } = this
    const program = look.fisheye === null ? this.plain : this.dewarper()
    if (program === null) return this.draw(tile, cell, grey, { ...look, fisheye: null }, zoom)
    this.clear(cell)
    const { box, part } = visiblePart(zoom, cell, shownSize(look, own.width, own.height))
    gl.viewport(box.x, this.canvas.height - box.y - box.height, box.width, box.height)
    for (let i = 0; i < own.textures.length; i++) {
      gl.activeTexture(gl.TEXTURE0 + i)
      gl.bindTexture(gl.TEXTURE_2D, own.textures[i] ?? null)
    }
    if (program !== this.current) {
      this.current = program
      gl.useProgram(program.program)
    }
    const { uniforms } = program
    gl.uniform1i(uniforms.planes, own.planes)
    gl.uniform1f(uniforms.grey, grey ? 1 : 0)
    gl.uniform4f(uniforms.part, part.x, part.y, part.width, part.height)
    if (look !== program.look) {
      program.look = look
      const { matrix, offset } = colourOf(look)
      gl.uniformMatrix2fv(uniforms.place, false, placeOf(look))
      gl.uniformMatrix3fv(uniforms.colouring, false, matrix)
      gl.uniform1f(uniforms.colourOffset, offset)
    }
    if (look.fisheye !== null) {
      const { rows, span, circle, gaze, toLens, rim } = dewarpOf(look.fisheye, own)
      gl.uniform1i(uniforms.rows, rows)
      gl.uniform4fv(uniforms.span, span)
      gl.uniform4fv(uniforms.circle, circle)
      gl.uniformMatrix3fv(uniforms.gaze, false, gaze)
      gl.uniformMatrix3fv(uniforms.toLens, false, toLens)
      gl.uniform1f(uniforms.rim, rim)
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
    this.plain = this.dewarping = this.current = null
    this.tiles.clear()
  }

  private readonly onRestored = (): void => {
    this.setUp()
    this.restored()
  }

  private setUp(): void {
    const { gl } = this
    this.plain = this.program(false)
    this.dewarping = null
    gl.bindVertexArray(gl.createVertexArray())
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.enable(gl.SCISSOR_TEST)
    gl.clearColor(0, 0, 0, 1)
  }

  /** Null where the driver does not take it. */
  private dewarper(): Program | null {
    if (this.dewarping !== null || !this.dewarps) return this.dewarping
    try {
      this.dewarping = this.program(true)
    } catch {
      this.dewarps = false
    }
    return this.dewarping
  }

  /** Compiled, and in use from here on. */
  private program(dewarp: boolean): Program {
    const { gl } = this
    const program = gl.createProgram()
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment(dewarp)]] as const) {
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
    const uniforms = Object.fromEntries([...UNIFORMS, ...DEWARP_UNIFORMS].map((name) => [name, where(name)])) as Program['uniforms']
    return (this.current = { program, uniforms, look: null })
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
    // Without a GPU, Chromium's compositor takes the part of a WebGL canvas that lies under something opaque, mirrors it
    // top to bottom, and draws nothing there (seen in 156). What is not quite opaque itself is not culled.
    if (/swiftshader/i.test(name)) canvas.style.opacity = '0.999'
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
