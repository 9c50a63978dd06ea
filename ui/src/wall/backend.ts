/** What puts pictures onto the canvas; webgl.ts and canvas2d.ts are the two ways. */
import type { Picture } from '@/media/sinks/sink'
import type { Rect } from './layout'
import type { Look } from './look'

export interface DrawBackend {
  readonly kind: 'webgl2' | 'canvas2d'
  /** The drawing is done by the processor, so every pixel counts. */
  readonly software: boolean
  /** False while the context is lost: nothing is kept and nothing is drawn. */
  readonly usable: boolean
  /** Drawing buffer size; everything is black afterwards, and the last pictures can be drawn again. */
  resize(width: number, height: number): void
  /** Takes over the picture's contents as the tile's last one. The caller closes the picture. */
  upload(tile: number, picture: Picture): void
  /** Draws the tile's last picture letterboxed into `cell` (buffer pixels from the top left); false when it has none. */
  draw(tile: number, cell: Rect, grey: boolean, look?: Look): boolean
  /** Paints black. */
  clear(cell: Rect): void
  /** Forgets the tile's last picture. */
  forget(tile: number): void
  destroy(): void
}
