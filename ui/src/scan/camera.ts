/** The phone's camera as a source of small brightness pictures, one at a time. No Vue, no reactive frames. */

export type CameraTrouble = 'insecure' | 'denied' | 'none' | 'busy' | 'failed'

export class CameraError extends Error {
  constructor(readonly trouble: CameraTrouble, detail: string) {
    super(detail)
    this.name = 'CameraError'
  }
}

/** What the scanner is given: brightness only, row by row. */
export interface Frame {
  width: number
  height: number
  luma: Uint8ClampedArray
}

/** Longest side of a frame. Labels fill the view, and a phone sends this several times a second without growing warm. */
const LONGEST = 640

/** The DOM's word for why there is no camera, as something with a cure. */
export function troubleOf(error: unknown): CameraTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'failed'
}

/** Brightness of RGBA pixels, BT.601 weights in integers. */
export function lumaOf(rgba: Uint8ClampedArray): Uint8ClampedArray {
  const luma = new Uint8ClampedArray(rgba.length / 4)
  for (let i = 0, j = 0; i < luma.length; i += 1, j += 4) {
    luma[i] = ((rgba[j] ?? 0) * 77 + (rgba[j + 1] ?? 0) * 150 + (rgba[j + 2] ?? 0) * 29) >> 8
  }
  return luma
}

/** The size a frame is taken in; never larger than the camera's own. */
export function frameSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONGEST / Math.max(width, height, 1))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

export class Camera {
  private readonly canvas = document.createElement('canvas')
  private stream: MediaStream | null = null

  private constructor(private readonly video: HTMLVideoElement) {}

  /** Opens the camera at the back into `video`. Throws `CameraError`. */
  static async open(video: HTMLVideoElement): Promise<Camera> {
    // Absent outside HTTPS and localhost.
    const media = navigator.mediaDevices as MediaDevices | undefined
    if (media?.getUserMedia === undefined) throw new CameraError('insecure', 'no mediaDevices')
    const camera = new Camera(video)
    try {
      camera.stream = await media.getUserMedia({
        audio: false,
        video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 960 } },
      })
      video.srcObject = camera.stream
      await video.play()
    } catch (error) {
      camera.close()
      throw new CameraError(troubleOf(error), String(error))
    }
    return camera
  }

  /** The picture as it is now; null before the first one. */
  frame(): Frame | null {
    if (this.video.videoWidth === 0) return null
    const { width, height } = frameSize(this.video.videoWidth, this.video.videoHeight)
    Object.assign(this.canvas, { width, height })
    const context = this.canvas.getContext('2d', { willReadFrequently: true })
    if (context === null) return null
    context.drawImage(this.video, 0, 0, width, height)
    return { width, height, luma: lumaOf(context.getImageData(0, 0, width, height).data) }
  }

  private get track(): MediaStreamTrack | null {
    return this.stream?.getVideoTracks()[0] ?? null
  }

  get hasTorch(): boolean {
    const capabilities = this.track?.getCapabilities?.() as { torch?: boolean } | undefined
    return capabilities?.torch === true
  }

  async torch(on: boolean): Promise<void> {
    await this.track?.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] })
  }

  close(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop()
    this.stream = null
    this.video.srcObject = null
  }
}
