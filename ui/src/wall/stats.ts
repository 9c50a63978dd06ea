/** What was presented of one window, for the benchmarks and the diagnostics page. */

const WINDOW_MS = 5000
const MAX_SAMPLES = 400
/** The age that is told is that of about the last second. */
const TOLD_SAMPLES = 25

export class PresentationStats {
  presented = 0
  /** Overtaken before they could be drawn. */
  overtaken = 0
  firstFrameMs: number | null = null
  /** When the first picture of all was presented, on the clock of `now`. */
  firstPresentedAt: number | null = null
  private times: number[] = []
  private ages: number[] = []
  private lags: number[] = []
  private openedAt: number | null = null

  /** A stream was opened for the window; the first picture after it is timed once. */
  opened(now: number): void {
    if (this.firstFrameMs === null) this.openedAt ??= now
  }

  /**
   * `ageMs`: since its arrival; null where the picture does not say when that was. `lateMs`: how much longer it was on
   * its way than the quickest.
   */
  present(now: number, ageMs: number | null, lateMs = 0): void {
    this.presented++
    this.firstPresentedAt ??= now
    if (this.openedAt !== null) {
      this.firstFrameMs = now - this.openedAt
      this.openedAt = null
    }
    this.times.push(now)
    if (ageMs !== null) {
      this.ages.push(ageMs)
      this.lags.push(ageMs + lateMs)
      if (this.lags.length > TOLD_SAMPLES) this.lags.shift()
    }
    if (this.times.length > MAX_SAMPLES) this.times = this.times.slice(-MAX_SAMPLES / 2)
    if (this.ages.length > MAX_SAMPLES) this.ages = this.ages.slice(-MAX_SAMPLES / 2)
  }

  /** Over the last five seconds, or since the first picture when that is less. */
  fps(now: number): number {
    const recent = this.times.filter((t) => now - t < WINDOW_MS)
    const first = recent[0]
    if (first === undefined) return 0
    const enough = recent.length < this.presented
    const spanMs = enough ? WINDOW_MS : Math.max(1000, now - first)
    return Math.round((recent.length * 10_000) / spanMs) / 10
  }

  /** How long the pictures of the last second took from when the quickest would have arrived to the screen, ms: the middle one. */
  get lagMs(): number | null {
    return [...this.lags].sort((a, b) => a - b)[this.lags.length >> 1] ?? null
  }

  /** Another delay from now on. */
  forgetLags(): void {
    this.lags = []
  }

  /** Of the newest pictures; `share` 0.5 is the median. */
  agePercentile(share: number): number | null {
    const sorted = [...this.ages].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  }
}
