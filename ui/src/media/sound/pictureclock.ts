/** When a moment of the stream is on screen, learnt from the pictures that were shown. */

/** About two seconds. */
const KEPT = 40
/** Pictures that are off by more belong to another clock, or to another delay. */
const JUMP_MS = 400
/** Without a picture for this long nothing is known any more. */
const FORGET_MS = 5000

export class PictureClock {
  private readonly delays: number[] = []
  private sum = 0
  private lastAt = 0

  /** A picture of stream time `ptsUs` was put on screen at `nowMs`. */
  shown(ptsUs: number, nowMs: number): void {
    const delay = nowMs - ptsUs / 1000
    if (this.delays.length > 0 && (Math.abs(delay - this.sum / this.delays.length) > JUMP_MS || nowMs - this.lastAt > FORGET_MS)) this.reset()
    this.delays.push(delay)
    this.sum += delay
    if (this.delays.length > KEPT) this.sum -= this.delays.shift()!
    this.lastAt = nowMs
  }

  reset(): void {
    this.delays.length = 0
    this.sum = 0
  }

  /** When, by the page's clock, what is of stream time `ptsUs` is on screen; null while that is not known. */
  onScreenAt(ptsUs: number, nowMs: number): number | null {
    if (this.delays.length === 0 || nowMs - this.lastAt > FORGET_MS) return null
    return ptsUs / 1000 + this.sum / this.delays.length
  }
}
