/** Drawing without WebGL2. */
import type { Picture } from '@/media/sinks/sink'
import type { DrawBackend } from './backend'
import { contain, type Rect } from './layout'
import { isPlain, isSideways, type Look, PLAIN } from './look'
import { yuvToRgb } from './webgl'

interface Kept {
  canvas: HTMLCanvasElement
  /** Where in it the picture is. */
  box: Rect
}

export class Canvas2dBackend implements DrawBackend {
  readonly kind = 'canvas2d'
  readonly software = true
  readonly usable = true
  private readonly canvas: HTMLCanvasElement
  private readonly context: CanvasRenderingContext2D
  /** Uploaded and not yet drawn, in the picture's own size. */
  private readonly fresh = new Map<number, Picture>()
  private readonly kept = new Map<number, Kept>()
  private readonly scratch = document.createElement('canvas')

  static create(canvas: HTMLCanvasElement): Canvas2dBackend | null {
    const context = canvas.getContext('2d', { alpha: false })
    return context === null ? null : new Canvas2dBackend(canvas, context)
  }

  private constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.canvas = canvas
    this.context = context
  }

  resize(width: number, height: number): void {
    // The wall's pixels are the only copy of the last pictures.
    if (this.kept.size > 0) {
      const copy = document.createElement('canvas')
      copy.width = this.canvas.width
      copy.height = this.canvas.height
      copy.getContext('2d', { alpha: false })?.drawImage(this.canvas, 0, 0)
      for (const kept of this.kept.values()) if (kept.canvas === this.canvas) kept.canvas = copy
    }
    this.canvas.width = width
    this.canvas.height = height
  }

  upload(tile: number, picture: Picture): void {
    this.fresh.set(tile, picture)
  }

  draw(tile: number, cell: Rect, grey: boolean, look: Look = PLAIN): boolean {
    const { context } = this
    const picture = this.fresh.get(tile)
    const kept = this.kept.get(tile)
    this.fresh.delete(tile)
    const source = picture ?? kept?.box
    if (source === undefined) return false
    // What is kept has been turned already.
    const sideways = picture !== undefined && isSideways(look)
    const box = contain(cell, sideways ? source.height : source.width, sideways ? source.width : source.height)
    if (picture !== undefined) {
      if (box.width < cell.width || box.height < cell.height) this.clear(cell)
      const image = picture.kind === 'frame' ? picture.frame : this.convert(picture)
      if (isPlain(look)) context.drawImage(image, box.x, box.y, box.width, box.height)
      else this.drawAs(look, image, box)
    } else if (kept !== undefined && (kept.canvas !== this.canvas || !same(kept.box, box))) {
      const { canvas, box: from } = kept
      // Over its own pixels too: drawImage takes its source as it was.
      context.drawImage(canvas, from.x, from.y, from.width, from.height, box.x, box.y, box.width, box.height)
    }
    this.kept.set(tile, { canvas: this.canvas, box })
    if (grey) {
      context.save()
      context.globalCompositeOperation = 'saturation'
      context.fillStyle = '#808080'
      context.fillRect(box.x, box.y, box.width, box.height)
      context.restore()
    }
    return true
  }

  /** Turned and mirrored everywhere; the levels only where the engine has canvas filters. */
  private drawAs(look: Look, image: CanvasImageSource, box: Rect): void {
    const { context } = this
    const [width, height] = isSideways(look) ? [box.height, box.width] : [box.width, box.height]
    context.save()
    context.translate(box.x + box.width / 2, box.y + box.height / 2)
    context.rotate((look.turn * Math.PI) / 180)
    // Mirrored in the window, as the picture stands after the turn.
    const [x, y] = isSideways(look) ? [look.flipY, look.flipX] : [look.flipX, look.flipY]
    context.scale(x ? -1 : 1, y ? -1 : 1)
    context.filter = `brightness(${50 + look.brightness}%) contrast(${look.contrast * 2}%) saturate(${look.saturation * 2}%) hue-rotate(${(look.hue - 50) * 3.6}deg)`
    context.drawImage(image, -width / 2, -height / 2, width, height)
    context.restore()
  }

  clear(cell: Rect): void {
    this.context.fillStyle = '#000'
    this.context.fillRect(cell.x, cell.y, cell.width, cell.height)
  }

  forget(tile: number): void {
    this.kept.delete(tile)
    this.fresh.delete(tile)
  }

  destroy(): void {
    this.kept.clear()
    this.fresh.clear()
  }

  /** Slow, and only for a web view that has neither WebGL2 nor WebCodecs. */
  private convert(picture: Exclude<Picture, { kind: 'frame' }>): HTMLCanvasElement {
    const { width, height, y } = picture
    const context = this.scratch.getContext('2d', { alpha: false, willReadFrequently: true })
    if (this.scratch.width !== width || this.scratch.height !== height) {
      this.scratch.width = width
      this.scratch.height = height
    }
    if (context === null) return this.scratch
    const image = context.createImageData(width, height)
    const { toRgb: m, offset } = yuvToRgb(picture.matrix, picture.fullRange)
    const [, , , , ug = 0, ub = 0, vr = 0, vg = 0] = m
    const [yScale = 1] = m
    const black = (offset[0] ?? 0) * 255
    const half = (width + 1) >> 1
    let out = 0
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const c = (row >> 1) * half + (column >> 1)
        const luma = ((y[row * width + column] ?? 0) - black) * yScale
        const cb = (picture.kind === 'nv12' ? picture.uv[2 * c] ?? 0 : picture.u[c] ?? 0) - 128
        const cr = (picture.kind === 'nv12' ? picture.uv[2 * c + 1] ?? 0 : picture.v[c] ?? 0) - 128
        image.data[out++] = luma + vr * cr
        image.data[out++] = luma + ug * cb + vg * cr
        image.data[out++] = luma + ub * cb
        image.data[out++] = 255
      }
    }
    context.putImageData(image, 0, 0)
    return this.scratch
  }
}

function same(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
}
