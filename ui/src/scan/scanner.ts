import { rpc } from '@/api/client'
import type { QrCode } from '@/api/generated'
import { base64Of } from '@/lib/base64'
import type { Frame } from './camera'

/** What delivers frames: the camera, or a test. */
export interface FrameSource {
  frame(): Frame | null
}

export interface Seen {
  codes: QrCode[]
  width: number
  height: number
}

/** Between two frames at least so long: the core shares the phone with the pictures on the wall. */
const PAUSE_MS = 60

/**
 * Sends frames to the core, the next one only after the answer to the one before, so that a slow phone falls behind by
 * no more than one frame. The number counts up, for the core tries something harder on each.
 */
export class Scanner {
  private running = false
  private number = 0

  constructor(
    private readonly source: FrameSource,
    private readonly onSeen: (seen: Seen) => void,
    private readonly onFailed: (error: unknown) => void,
    private readonly pause: () => Promise<void> = () => new Promise((done) => window.setTimeout(done, PAUSE_MS)),
  ) {}

  async run(): Promise<void> {
    if (this.running) return
    this.running = true
    while (this.running) {
      try {
        await this.once()
      } catch (error) {
        this.running = false
        this.onFailed(error)
      }
      if (this.running) await this.pause()
    }
  }

  stop(): void {
    this.running = false
  }

  private async once(): Promise<void> {
    // A hidden page gets no camera pictures; asking about the last one again would only warm the phone.
    const frame = document.hidden ? null : this.source.frame()
    if (frame === null) return
    const { width, height, luma } = frame
    const { codes } = await rpc('qr.frame', { width, height, luma: base64Of(luma), number: this.number })
    this.number += 1
    if (this.running) this.onSeen({ codes, width, height })
  }
}
