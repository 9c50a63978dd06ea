/**
 * When a picture is shown: the playout policy of one stream. Pure; every time is handed in, in milliseconds.
 *
 * A picture's *transit* is its arrival less its presentation time. The quickest transit of the last ten seconds stands
 * for a picture without delay on the way; how much more another one took is its *lateness*. Pictures are shown at their
 * presentation time plus one *offset* for all of them, so that their spacing is that of the camera, and the modes differ
 * in where the offset is to be:
 *
 * - `realTime`: nowhere; each picture is shown as it comes and overtakes what is older.
 * - `fluent`: the quickest transit and a fixed delay. A picture later than that moves the offset back by what it is late,
 *   and the pictures run up to 5 % fast until the stated delay is reached again.
 * - `auto`: the quickest transit and what 97 of 100 pictures need, nothing on a steady network. It rises at once, falls by
 *   20 ms a second, and pictures run at most 10 % fast or slow to get there.
 *
 * The clocks of camera and page differ by up to some hundred parts in a million; the window that the quickest transit is
 * of lets the offset follow, by far less than those 5 or 10 %.
 */

export type QualityMode = 'realTime' | 'fluent' | 'auto'

export interface Quality {
  mode: QualityMode
  /** Of `fluent`: how long a picture without delay on the way is held, ms. */
  delayMs: number
}

/** What `delayMs` may be. */
export const DELAY_MS = { min: 200, max: 2000, step: 100 } as const
/** `auto` never holds a picture longer. */
export const AUTO_MOST_MS = 1000
/** Never further behind the delay aimed at; beyond it pictures are skipped. */
export const MOST_BEHIND_MS = 1000

const WINDOW_MS = 10_000
const SPAN_MS = 250
/** Nothing quicker than far behind the quickest for two seconds: the way or the camera's clock has changed. */
const RECENT_SPANS = 8
const CHANGED_MS = 250
/** No network is this much quicker from one picture to the next: the presentation times have jumped. */
const JUMP_MS = 500
/** Pictures in coding order step back by a few intervals; a camera that was set back steps further. */
const BACK_MS = 400
const SHARE = 0.97
const RATE: Record<QualityMode, number> = { realTime: 0, fluent: 0.05, auto: 0.1 }
/** Milliseconds of delay that `auto` gives up in a millisecond. */
const DECAY = 0.02
/** The share of an interval that a picture may come late unnoticed; age is not spent on it. */
const UNNOTICED = 0.5
const MOST_UNNOTICED_MS = 40
const RANK_EVERY_MS = 200
const MOST_SAMPLES = 1200

/** The quickest transit of a quarter of a second. */
interface Span {
  from: number
  least: number
}

interface Sample {
  at: number
  transit: number
}

export class Playout {
  private current: Quality
  private spans: Span[] = []
  /** Of the window; in `auto` only. */
  private samples: Sample[] = []
  /** The quickest transit of the window; null before the first picture. */
  private quickest: number | null = null
  private offset = 0
  private aim = 0
  private movedAt = 0
  private rankedAt = -Infinity
  private lastPts = 0
  private intervalMs = 40
  /** Added to presentation times, so that a jump of theirs is none of ours. */
  private shift = 0

  constructor(quality: Quality) {
    this.current = quality
    this.reset()
  }

  get quality(): Quality {
    return this.current
  }

  /** Counts at once: what is held is shown later from now on, or skipped. */
  set quality(quality: Quality) {
    if (quality.mode === this.current.mode && quality.delayMs === this.current.delayMs) return
    this.current = quality
    this.samples = []
    this.aim = quality.mode === 'fluent' ? quality.delayMs : 0
    this.rankedAt = -Infinity
    if (this.quickest !== null) {
      this.rank(this.movedAt)
      this.offset = this.quickest + this.aim
    }
  }

  /** How long a picture without delay on the way is held now, ms. */
  get delayMs(): number {
    return this.quickest === null || this.current.mode === 'realTime' ? 0 : Math.max(0, this.offset - this.quickest)
  }

  /** What the delay is to be, ms. */
  get aimMs(): number {
    return this.current.mode === 'realTime' ? 0 : this.aim
  }

  /** Forgets the stream; the next picture is the first of another. */
  reset(): void {
    this.spans = []
    this.samples = []
    this.quickest = null
    this.shift = 0
    this.rankedAt = -Infinity
    this.aim = this.current.mode === 'fluent' ? this.current.delayMs : 0
  }

  /** Takes note of a picture and gives its slot: its presentation time on a scale without jumps. */
  arrived(ptsMs: number, arrivalMs: number): number {
    if (this.quickest === null) {
      this.quickest = arrivalMs - ptsMs
      this.offset = this.quickest + this.aim
      this.movedAt = arrivalMs
    } else this.straighten(ptsMs, arrivalMs, this.quickest)
    const step = ptsMs - this.lastPts
    if (step > 0 && step < 1000) this.intervalMs += (step - this.intervalMs) / 16
    this.lastPts = ptsMs
    const slot = ptsMs + this.shift
    const transit = arrivalMs - slot
    if (this.current.mode === 'auto') this.samples.push({ at: arrivalMs, transit })
    this.quickest = this.note(transit, arrivalMs)
    this.rank(arrivalMs)
    this.slew(arrivalMs)
    const overdue = transit - this.offset - this.unnoticedMs
    if (overdue > 0) this.offset = Math.min(this.offset + overdue, this.quickest + this.mostMs)
    return slot
  }

  /** When the picture in that slot is to be shown. */
  due(slot: number, now: number): number {
    if (this.current.mode === 'realTime' || this.quickest === null) return now
    this.slew(now)
    return slot + this.offset
  }

  /** The slot of a picture that arrived lately. */
  slotOf(ptsMs: number): number {
    return ptsMs + this.shift
  }

  /** How much longer a picture was on its way than the quickest, ms. */
  lateness(ptsMs: number, arrivalMs: number): number {
    return this.quickest === null ? 0 : Math.max(0, arrivalMs - ptsMs - this.shift - this.quickest)
  }

  /** There is no room to hold this one any longer: it is due now, and all others as much sooner. */
  overrun(slot: number, now: number): void {
    this.offset = Math.min(this.offset, now - slot)
  }

  private get unnoticedMs(): number {
    return this.current.mode === 'fluent' ? 0 : Math.min(MOST_UNNOTICED_MS, this.intervalMs * UNNOTICED)
  }

  private get mostMs(): number {
    return this.current.mode === 'auto' ? Math.max(AUTO_MOST_MS, this.aim) : this.aim + MOST_BEHIND_MS
  }

  private straighten(ptsMs: number, arrivalMs: number, quickest: number): void {
    const transit = arrivalMs - ptsMs - this.shift
    const jumped = transit < quickest - JUMP_MS || (ptsMs < this.lastPts - BACK_MS && transit > quickest + BACK_MS)
    // The first after a jump is taken for one without delay: what it really had shows in those that follow.
    if (jumped) this.shift += transit - quickest
  }

  /** The quickest transit of the window, with this one. */
  private note(transit: number, now: number): number {
    const newest = this.spans.at(-1)
    if (newest === undefined || now - newest.from >= SPAN_MS || now < newest.from) this.spans.push({ from: now, least: transit })
    else newest.least = Math.min(newest.least, transit)
    while (this.spans.length > 1 && (this.spans[1]?.from ?? now) < now - WINDOW_MS) this.spans.shift()
    const recent = this.spans.slice(-RECENT_SPANS)
    const least = (spans: Span[]): number => spans.reduce((min, span) => Math.min(min, span.least), Infinity)
    const lately = least(recent)
    const ever = least(this.spans)
    if (recent.length < RECENT_SPANS || lately - ever <= CHANGED_MS) return ever
    this.spans = recent
    this.samples = this.samples.filter(({ at }) => at >= (recent[0]?.from ?? now))
    // What was needed there says nothing about here.
    this.rankedAt = -Infinity
    return lately
  }

  /** Where the delay is to be: given, or what most pictures need. */
  private rank(now: number): void {
    if (this.current.mode !== 'auto') return
    const passed = now - this.rankedAt
    if (passed < RANK_EVERY_MS) return
    this.rankedAt = now
    const quickest = this.quickest ?? 0
    const from = this.samples.findIndex(({ at }) => at >= now - WINDOW_MS)
    this.samples.splice(0, Math.max(0, from, this.samples.length - MOST_SAMPLES))
    const sorted = this.samples.map(({ transit }) => transit - quickest).sort((a, b) => a - b)
    const most = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * SHARE))] ?? 0
    const wanted = Math.min(AUTO_MOST_MS, Math.max(0, most - this.unnoticedMs))
    this.aim = Number.isFinite(passed) ? Math.max(wanted, this.aim - DECAY * passed) : wanted
  }

  private slew(now: number): void {
    const most = RATE[this.current.mode] * Math.max(0, now - this.movedAt)
    this.movedAt = Math.max(this.movedAt, now)
    const quickest = this.quickest ?? 0
    const away = quickest + this.aim - this.offset
    this.offset = Math.min(this.offset + Math.max(-most, Math.min(most, away)), quickest + this.mostMs)
  }
}
