/** VideoFrames to planes in memory of ours, so that the upload is three small textures instead of the engine's own path. */
import type { Picture } from '@/media/sinks/sink'

type FramePicture = Extract<Picture, { kind: 'frame' }>

export class FrameCopier {
  /** Buffers by size; a wall has few sizes. */
  private readonly free = new Map<number, ArrayBuffer[]>()
  /** False once a frame could not be copied: it lives in the GPU or has a format of its own. */
  usable = typeof VideoFrame !== 'undefined' && 'copyTo' in VideoFrame.prototype

  /** Closes the frame. Null when it cannot be copied, and then the frame is still open. */
  async copy(picture: FramePicture): Promise<Picture | null> {
    const { frame } = picture
    const { format } = frame
    const visible = frame.visibleRect
    if (visible === null || (format !== 'I420' && format !== 'NV12')) {
      this.usable = false
      return null
    }
    const { width, height } = visible
    const halfWidth = (width + 1) >> 1
    const luma = width * height
    const chroma = halfWidth * ((height + 1) >> 1)
    const size = luma + 2 * chroma
    const buffer = this.free.get(size)?.pop() ?? new ArrayBuffer(size)
    try {
      await frame.copyTo(buffer, {
        layout: format === 'I420'
          ? [{ offset: 0, stride: width }, { offset: luma, stride: halfWidth }, { offset: luma + chroma, stride: halfWidth }]
          : [{ offset: 0, stride: width }, { offset: luma, stride: 2 * halfWidth }],
      })
    } catch {
      this.usable = false
      return null
    }
    picture.close()
    let open = true
    const base = {
      width, height, matrix: picture.matrix, fullRange: picture.fullRange, arrivalUs: picture.arrivalUs, ptsUs: picture.ptsUs,
      ...(picture.lateMs !== undefined && { lateMs: picture.lateMs }),
      y: new Uint8Array(buffer, 0, luma),
      close: () => {
        if (!open) return
        open = false
        const list = this.free.get(size) ?? []
        // Enough for every tile to have one in hand; more would only be kept for nothing.
        if (list.length < 20) list.push(buffer)
        this.free.set(size, list)
      },
    }
    return format === 'I420'
      ? { ...base, kind: 'planes', u: new Uint8Array(buffer, luma, chroma), v: new Uint8Array(buffer, luma + chroma, chroma) }
      : { ...base, kind: 'nv12', uv: new Uint8Array(buffer, luma, 2 * chroma) }
  }

  clear(): void {
    this.free.clear()
  }
}
