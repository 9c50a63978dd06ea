/** Drawing without WebGL2. */
import type { Picture } from '@/media/sinks/sink'
import type { DrawBackend } from './backend'
import type { Rect } from './layout'
import { isPlain, isSideways, type Look, PLAIN, shownSize } from './look'
import { yuvToRgb } from './webgl'
import { visiblePart, WHOLE, type Zoom } from './zoom'

/** The last picture of a tile, as it came: what is on the wall may be a zoomed part of it, or turned, or small. */
interface Kept {
  canvas: HTMLCanvasElement
  context: CanvasRenderingContext2D
}

export class Canvas2dBackend implements DrawBackend {
  readonly kind = 'canvas2d'
  readonly software = true
  readonly usable = true
  readonly dewarps = false
  private readonly canvas: HTMLCanvasElement
  private readonly context: CanvasRenderingContext2D
  private readonly kept = new Map<number, Kept>()

  static create(canvas: HTMLCanvasElement): Canvas2dBackend | null {
    const context = canvas.getContext('2d', { alpha: false })
    return context === null ? null : new Canvas2dBackend(canvas, context)
  }

  private constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.canvas = canvas
    this.context = context
  }

  resize(width: number, height: number): void {
    this.canvas.width = width
    this.canvas.height = height
  }

  upload(tile: number, picture: Picture): void {
    const { width, height } = picture
    let own = this.kept.get(tile)
    if (own === undefined) {
      const canvas = document.createElement('canvas')
      const context = canvas.getContext('2d', { alpha: false, willReadFrequently: picture.kind !== 'frame' })
      if (context === null) return
      own = { canvas, context }
      this.kept.set(tile, own)
    }
    if (own.canvas.width !== width || own.canvas.height !== height) {
      own.canvas.width = width
      own.canvas.height = height
    }
    if (picture.kind === 'frame') own.context.drawImage(picture.frame, 0, 0, width, height)
    else convert(picture, own.context)
  }

  draw(tile: number, cell: Rect, grey: boolean, wanted: Readonly<Look> = PLAIN, zoom: Zoom = WHOLE): boolean {
    const own = this.kept.get(tile)
    if (own === undefined) return false
    const { context } = this
    const { width, height } = own.canvas
    // Straightening needs a program for every pixel, which only WebGL has.
    const look = wanted.fisheye === null ? wanted : { ...wanted, fisheye: null }
    const { box, part } = visiblePart(zoom, cell, shownSize(look, width, height))
    if (box.width < cell.width || box.height < cell.height) this.clear(cell)
    if (isPlain(look)) {
      context.drawImage(
        own.canvas, part.x * width, part.y * height, part.width * width, part.height * height, box.x, box.y, box.width, box.height,
      )
    } else this.drawAs(look, own.canvas, box, part)
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
  private drawAs(look: Look, image: CanvasImageSource, box: Rect, part: Rect): void {
    const { context } = this
    // All of the picture, of which the box is the visible part.
    const full = { width: box.width / part.width, height: box.height / part.height }
    const [width, height] = isSideways(look) ? [full.height, full.width] : [full.width, full.height]
    context.save()
    context.beginPath()
    context.rect(box.x, box.y, box.width, box.height)
    context.clip()
    context.translate(box.x + full.width * (0.5 - part.x), box.y + full.height * (0.5 - part.y))
    // Turned, then mirrored as it stands in the window; what is said last is done first.
    context.scale(look.flipX ? -1 : 1, look.flipY ? -1 : 1)
    context.rotate((look.turn * Math.PI) / 180)
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
  }

  destroy(): void {
    this.kept.clear()
  }
}

/** Slow, and only for a web view that has neither WebGL2 nor WebCodecs. */
function convert(picture: Exclude<Picture, { kind: 'frame' }>, context: CanvasRenderingContext2D): void {
  const { width, height, y } = picture
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
}
