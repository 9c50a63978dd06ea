import type { Clock } from '@/media/clock'

/** Calls at even distances while it is on, and says how late it was: a page that is busy is. */
export class Ticker {
  private timer: number | null = null

  constructor(private readonly clock: Clock, private readonly everyMs: number, private readonly run: (lateMs: number) => void) {}

  set(on: boolean): void {
    if (on === (this.timer !== null)) return
    if (this.timer !== null) this.clock.clear(this.timer)
    this.timer = null
    if (on) this.next()
  }

  private next(): void {
    const due = this.clock.now() + this.everyMs
    this.timer = this.clock.set(() => {
      const lateMs = Math.max(0, this.clock.now() - due)
      this.next()
      this.run(lateMs)
    }, this.everyMs)
  }
}
