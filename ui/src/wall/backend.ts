/** What puts pictures onto the canvas; webgl.ts and canvas2d.ts are the two ways. */
import type { Picture } from '@/media/sinks/sink'
import type { Rect } from './layout'
import type { Look } from './look'
import type { Zoom } from './zoom'

export interface DrawBackend {
  readonly kind: 'webgl2' | 'canvas2d'
  /** The drawing is done by the processor, so every pixel counts. */
  readonly software: boolean
  /** False while the context is lost: nothing is kept and nothing is drawn. */
  readonly usable: boolean
  /** It can straighten fisheye pictures; where not, they are shown as they come. */
  readonly dewarps: boolean
  /** Drawing buffer size; everything is black afterwards, and the last pictures can be drawn again. */
  resize(width: number, height: number): void
  /** Takes over the picture's contents as the tile's last one. The caller closes the picture. */
  upload(tile: number, picture: Picture): void
  /**
   * Draws the tile's last picture, or the zoomed part of it, letterboxed into `cell` (buffer pixels from the top left);
   * false when it has none.
   */
  draw(tile: number, cell: Rect, grey: boolean, look?: Readonly<Look>, zoom?: Zoom): boolean
  /** Paints black. */
  clear(cell: Rect): void
  /** Forgets the tile's last picture. */
  forget(tile: number): void
  destroy(): void
}
