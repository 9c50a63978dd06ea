/** What was presented of one window, for the benchmarks and the diagnostics page. */

const WINDOW_MS = 5000
const MAX_SAMPLES = 400

export class PresentationStats {
  presented = 0
  /** Overtaken before they could be drawn. */
  overtaken = 0
  firstFrameMs: number | null = null
  private times: number[] = []
  private ages: number[] = []
  private openedAt: number | null = null

  /** A stream was opened for the window; the first picture after it is timed once. */
  opened(now: number): void {
    if (this.firstFrameMs === null) this.openedAt ??= now
  }

  /** `ageMs` null where the picture does not say when it arrived. */
  present(now: number, ageMs: number | null): void {
    this.presented++
    if (this.openedAt !== null) {
      this.firstFrameMs = now - this.openedAt
      this.openedAt = null
    }
    this.times.push(now)
    if (ageMs !== null) this.ages.push(ageMs)
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

  /** Of the newest pictures; `share` 0.5 is the median. */
  agePercentile(share: number): number | null {
    const sorted = [...this.ages].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  }
}
