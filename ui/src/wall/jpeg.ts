/** A picture as a JPEG in full size. */
import type { Picture } from '@/media/sinks/sink'
import { Canvas2dBackend } from './canvas2d'

const TILE = 0
const QUALITY = 0.95

/** Null where the engine makes none. The picture is read before this returns: it may be closed then. */
export async function toJpeg(picture: Picture): Promise<Blob | null> {
  const canvas = document.createElement('canvas')
  canvas.width = picture.width
  canvas.height = picture.height
  // The wall's own drawing, so that a snapshot has the colours of the screen; no zoom, no look.
  const backend = Canvas2dBackend.create(canvas)
  if (backend === null) return null
  backend.upload(TILE, picture)
  backend.draw(TILE, { x: 0, y: 0, width: picture.width, height: picture.height }, false)
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', QUALITY))
  backend.destroy()
  return blob
}
