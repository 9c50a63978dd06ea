/** From a microphone's samples to what the core takes: another rate, less noise, whole frames of 16-bit samples. */
import { Decimator } from './decimator'
import { Expander } from './expander'

/** Long enough not to wear the core out, short enough not to be a delay. */
export const FRAME_MS = 40

export class Voice {
  private readonly decimator: Decimator
  private readonly expander: Expander
  private readonly size: number
  private frame: Int16Array<ArrayBuffer>
  private filled = 0

  constructor(from: number, to: number, noiseReduction: number) {
    this.decimator = new Decimator(from, to)
    this.expander = new Expander(noiseReduction, to)
    this.size = (FRAME_MS * to) / 1000
    this.frame = new Int16Array(this.size)
  }

  push(samples: Float32Array, emit: (frame: Int16Array<ArrayBuffer>) => void): void {
    const slow = this.decimator.process(samples)
    this.expander.process(slow)
    for (const sample of slow) {
      this.frame[this.filled++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767)
      if (this.filled < this.size) continue
      emit(this.frame)
      this.frame = new Int16Array(this.size)
      this.filled = 0
    }
  }
}

/** How loud a frame is, 0..1 over the range that speech has, for a meter. */
export function loudness(frame: Int16Array): number {
  let sum = 0
  for (const sample of frame) sum += sample * sample
  const db = 10 * Math.log10(sum / Math.max(1, frame.length) / 32767 ** 2 + 1e-9)
  return Math.max(0, Math.min(1, (db + 56) / 46))
}
