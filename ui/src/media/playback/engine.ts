/**
 * Plays a recording: what is on the screen, what comes next, and when. Framework-free; it draws nothing and reads no
 * clock of its own.
 *
 * One *run* reads from where the picture is towards the end and stays open while the picture stands still, so that going
 * on and stepping ahead need no seek. Stepping back decodes the few pictures before the present one from their random
 * access point and keeps them.
 */
import type { Delivery, MovieInfo } from '@/api/generated'
import type { Clock } from '../clock'
import type { Picture } from '../sinks/sink'
import { lend } from './decoder'
import { type CreateDecoder, DecoderSlot, Run } from './run'
import type { Span, SpanSource } from './session'

export const RATES = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16] as const
export type Rate = (typeof RATES)[number]

export interface Timed {
  us: number
  picture: Picture
}

export interface EngineState {
  playing: boolean
  rate: Rate
  /** When the picture on the screen is shown, µs; null before the first. */
  shownUs: number | null
  /** Where the hand of the time line stands: the picture, or where a finger holds it. */
  atUs: number
  /** A picture was asked for and is not there yet. */
  seeking: boolean
  /** The last picture is on the screen. */
  ended: boolean
  /** Only random access points are shown: so it is at high speeds, and where the decoder does not keep up. */
  keysOnly: boolean
  delivery: Delivery
  /** Why nothing plays. */
  error: unknown
}

export interface EngineSetup {
  clock: Clock
  source: SpanSource
  info: MovieInfo
  delivery: Delivery
  createDecoder: CreateDecoder
  /** Puts it on the screen. The receiver closes it. */
  show(picture: Picture): void
  changed(): void
}

/** Decoded pictures that wait to be shown. */
const AHEAD = 3
/** Decoded pictures before the present one that are kept for steps back. Few: some decoders have no more to give. */
const BEHIND = 6
/** Faster than this only random access points are shown. */
const FASTEST_WHOLE: Rate = 4
/** A picture later than this moves the clock: playing waits rather than leaving something out. */
const LATE_MS = 200
/** So often late at more than plain speed, and the decoder does not keep up. */
const TOO_OFTEN_LATE = 4
/** A hiccup of the machine is no slow decoder. */
const LATE_FORGOTTEN_MS = 5000
const FALLBACK_INTERVAL_US = 40_000

/** Where code and detail are: what the decoder said. */
const undecodable = (detail: string): { code: string; detail: string } => ({ code: 'unsupportedCodec', detail })

export class PlayerEngine {
  private readonly setup: EngineSetup
  private readonly slot: DecoderSlot
  private readonly backSlot: DecoderSlot
  private run: Run | null = null
  private back: Run | null = null
  /** The picture on the screen, held for a step back. */
  private current: Timed | null = null
  private waiting: Timed[] = []
  /** Right before the current one, the oldest first. */
  private past: Timed[] = []
  private anchor = { us: 0, at: 0 }
  /** The next picture of the run is shown as it comes. */
  private showNext = false
  private stepsAhead = 0
  private stepsBack = 0
  private wanted: { us: number; exact: boolean } | null = null
  private late = 0
  private lateAt = 0
  private closed = false
  private waiters: { us: number; done: () => void }[] = []
  readonly state: EngineState

  constructor(setup: EngineSetup) {
    this.setup = setup
    this.slot = new DecoderSlot(setup.createDecoder)
    this.backSlot = new DecoderSlot(setup.createDecoder)
    this.state = {
      playing: false, rate: 1, shownUs: null, atUs: 0, seeking: false, ended: false, keysOnly: false, delivery: setup.delivery, error: null,
    }
  }

  get durationUs(): number {
    return this.setup.info.durationUs
  }

  play(): void {
    if (this.closed || this.state.error !== null) return
    this.state.playing = true
    if (this.state.ended) {
      void this.seek(0)
      return
    }
    this.dropPast()
    this.anchorAt(this.state.shownUs ?? this.state.atUs)
    if (this.run === null || this.run.span.toUs !== null || this.run.span.keysOnly !== this.wantsKeysOnly()) this.start(this.state.shownUs ?? this.state.atUs, true)
    this.changed()
  }

  pause(): void {
    if (!this.state.playing) return
    this.state.playing = false
    this.late = 0
    // The next picture in a step is the very next one.
    if (this.state.keysOnly) this.leaveKeysOnly()
    this.changed()
  }

  toggle(): void {
    if (this.state.playing) this.pause()
    else this.play()
  }

  setRate(rate: Rate): void {
    if (rate === this.state.rate) return
    const us = this.mediaNow()
    this.state.rate = rate
    this.late = 0
    if (this.state.playing) {
      const at = Math.max(us, this.state.shownUs ?? 0)
      this.anchorAt(at)
      if (this.run?.span.keysOnly !== this.wantsKeysOnly()) this.start(at, true)
    }
    this.changed()
  }

  /** One speed slower or faster. */
  nudgeRate(by: 1 | -1): void {
    const next = RATES[RATES.indexOf(this.state.rate) + by]
    if (next !== undefined) this.setRate(next)
  }

  /**
   * Shows the picture of that time, exactly. Playing goes on from there. The promise is kept when it is on its way to the
   * screen, or when another was asked for after it.
   */
  seek(us: number): Promise<void> {
    const at = this.clamp(us)
    this.state.atUs = at
    return new Promise((done) => {
      this.waiters.push({ us: at, done })
      this.want(at, true)
    })
  }

  /** A finger on the time line: the nearest random access point before that time, which costs one picture. */
  scrub(us: number): void {
    const at = this.clamp(us)
    this.state.atUs = at
    this.want(at, false)
    this.changed()
  }

  /** One picture on or back. */
  step(by: 1 | -1): void {
    if (this.closed || this.state.error !== null) return
    this.pause()
    if (by === 1) this.stepAhead()
    else this.stepBack()
  }

  /** Once per animation frame. */
  tick(): void {
    const { state } = this
    if (this.closed || !state.playing || this.showNext || state.seeking) return
    const now = this.mediaNow()
    let due: Timed | null = null
    while (this.waiting[0] !== undefined && this.waiting[0].us <= now) {
      due?.picture.close()
      due = this.waiting.shift() ?? null
    }
    if (due !== null) {
      const lateMs = (now - due.us) / state.rate / 1000
      this.present(due)
      if (lateMs > LATE_MS && !state.keysOnly) this.fellBehind(due.us)
      this.run?.pump()
    } else if (this.waiting.length === 0 && this.run?.ended === true && now >= this.durationUs) {
      this.finish()
    }
    const at = Math.min(this.mediaNow(), this.durationUs)
    // The hand goes smoothly between pictures that are far apart, but never ahead of what has come.
    state.atUs = this.waiting.length > 0 || this.run?.ended === true ? Math.max(state.shownUs ?? 0, at) : state.shownUs ?? at
  }

  close(): void {
    this.closed = true
    this.closeRun()
    this.closeBack()
    this.dropPast()
    this.current?.picture.close()
    this.current = null
    this.slot.drop()
    this.backSlot.drop()
    for (const { done } of this.waiters.splice(0)) done()
  }

  /** Another hold on the picture on the screen; null where there is none. */
  hold(): Timed | null {
    return this.current === null ? null : { us: this.current.us, picture: lend(this.current.picture) }
  }

  private clamp(us: number): number {
    return Math.max(0, Math.min(Math.round(us), Math.max(0, this.durationUs - 1)))
  }

  private mediaNow(): number {
    if (!this.state.playing) return this.state.shownUs ?? this.state.atUs
    return this.anchor.us + (this.setup.clock.now() - this.anchor.at) * 1000 * this.state.rate
  }

  private anchorAt(us: number): void {
    this.anchor = { us, at: this.setup.clock.now() }
  }

  private wantsKeysOnly(): boolean {
    return this.state.playing && (this.state.rate > FASTEST_WHOLE || (this.state.rate > 1 && this.late >= TOO_OFTEN_LATE))
  }

  private want(us: number, exact: boolean): void {
    if (this.closed || this.state.error !== null) {
      this.settle()
      return
    }
    // A finger moves faster than pictures come: what is under way is shown, then the newest wish.
    if (this.state.seeking && this.showNext && this.run !== null) {
      this.wanted = { us, exact }
      // Waiting for a long group of pictures helps nobody who wants to be elsewhere.
      if (exact) this.startWanted()
      return
    }
    this.wanted = { us, exact }
    this.startWanted()
  }

  private startWanted(): void {
    const wanted = this.wanted
    if (wanted === null) return
    this.wanted = null
    this.state.seeking = true
    this.state.ended = false
    this.dropPast()
    this.stepsAhead = this.stepsBack = 0
    if (wanted.exact) this.start(wanted.us, false)
    else this.startKey(wanted.us)
    this.changed()
  }

  /** Reads on from `us`; the picture shown then is `present`ed as it comes unless it is there already. */
  private start(us: number, shownAlready: boolean): void {
    const keysOnly = this.wantsKeysOnly()
    this.state.keysOnly = keysOnly
    const after = shownAlready && this.state.shownUs !== null
    this.open({ fromUs: after ? us + 1 : us, toUs: null, keysOnly, delivery: this.state.delivery }, !after, after ? this.state.shownUs : null)
  }

  private startKey(us: number): void {
    const key = this.keyBefore(us)
    this.open({ fromUs: key, toUs: key + 1, keysOnly: false, delivery: this.state.delivery }, true, null)
  }

  private open(span: Span, showNext: boolean, shownUs: number | null): void {
    this.closeRun()
    this.closeBack()
    this.showNext = showNext
    const { source, clock } = this.setup
    const room = (): boolean => this.waiting.length < AHEAD
    this.run = new Run(source, span, this.slot, clock, room, {
      picture: (us, picture) => {
        // Asked for what follows the present picture; where that is the last one, it comes again.
        if (shownUs !== null && us <= shownUs) picture.close()
        else this.arrived({ us, picture })
      },
      ended: () => this.runEnded(),
      failed: (error, lost) => this.failed(error, lost, span),
      undecodable: (detail) => this.undecodable(detail, span),
    })
  }

  private arrived(timed: Timed): void {
    if (this.showNext) {
      this.showNext = false
      this.state.seeking = false
      this.present(timed)
      this.anchorAt(timed.us)
      this.settle()
      if (this.wanted !== null) this.startWanted()
      return
    }
    this.waiting.push(timed)
    if (this.stepsAhead > 0) {
      this.stepsAhead--
      this.showWaiting()
    }
  }

  private showWaiting(): void {
    const next = this.waiting.shift()
    if (next === undefined) return
    this.keepPast()
    this.present(next)
    this.run?.pump()
  }

  private present(timed: Timed): void {
    this.current?.picture.close()
    this.current = timed
    this.state.shownUs = timed.us
    this.state.atUs = this.wanted?.us ?? (this.state.seeking ? this.state.atUs : timed.us)
    this.state.ended = false
    this.setup.show(lend(timed.picture))
    this.changed()
  }

  private stepAhead(): void {
    this.stepsBack = 0
    if (this.waiting.length > 0) this.showWaiting()
    else if (this.run === null || this.run.span.toUs !== null || this.run.span.keysOnly) {
      this.stepsAhead++
      this.start(this.state.shownUs ?? this.state.atUs, this.state.shownUs !== null)
    } else if (this.run.ended) this.finish()
    else this.stepsAhead++
  }

  private stepBack(): void {
    this.stepsAhead = 0
    const { shownUs } = this.state
    if (shownUs === null) return
    const before = this.past.pop()
    if (before !== undefined) {
      if (this.current !== null) {
        this.waiting.unshift(this.current)
        this.current = null
        this.trimWaiting()
      }
      this.present(before)
      return
    }
    this.stepsBack++
    if (this.back !== null) return
    const interval = this.setup.info.frameRate === null ? FALLBACK_INTERVAL_US : 1e6 / this.setup.info.frameRate
    const fromUs = Math.max(0, Math.min(shownUs - 1, shownUs - BEHIND * interval + interval / 2))
    this.state.seeking = true
    const { source, clock } = this.setup
    const span: Span = { fromUs, toUs: shownUs, keysOnly: false, delivery: this.state.delivery }
    this.back = new Run(source, span, this.backSlot, clock, () => true, {
      picture: (us, picture) => {
        this.past.push({ us, picture })
        if (this.past.length > BEHIND) this.past.shift()?.picture.close()
      },
      ended: () => this.backEnded(),
      failed: (error, lost) => {
        this.closeBack()
        if (!lost) this.failed(error, false, span)
      },
      undecodable: (detail) => {
        this.closeBack()
        this.undecodable(detail, span)
      },
    })
    this.changed()
  }

  private backEnded(): void {
    const steps = this.stepsBack
    this.closeBack()
    // Nothing before it: it is the first picture.
    if (this.past.length === 0) return
    for (let i = 0; i < steps; i++) this.stepBack()
  }

  /** Far steps back leave what was ahead behind; it is read again when it is wanted. */
  private trimWaiting(): void {
    if (this.waiting.length <= AHEAD + BEHIND) return
    for (const { picture } of this.waiting.splice(AHEAD + BEHIND)) picture.close()
    // The run is beyond what was thrown away.
    const last = this.waiting.at(-1)
    const { state } = this
    this.run?.close()
    this.run = null
    if (last === undefined) return
    const kept = this.waiting
    this.waiting = []
    const { keysOnly } = state
    this.open({ fromUs: last.us + 1, toUs: null, keysOnly, delivery: state.delivery }, false, last.us)
    this.waiting = [...kept, ...this.waiting]
  }

  private keepPast(): void {
    if (this.state.playing || this.current === null) return
    this.past.push(this.current)
    this.current = null
    if (this.past.length > BEHIND) this.past.shift()?.picture.close()
  }

  private dropPast(): void {
    for (const { picture } of this.past.splice(0)) picture.close()
  }

  private leaveKeysOnly(): void {
    this.state.keysOnly = false
    this.closeRun()
  }

  private fellBehind(us: number): void {
    this.anchorAt(us)
    const now = this.setup.clock.now()
    this.late = now - this.lateAt > LATE_FORGOTTEN_MS ? 1 : this.late + 1
    this.lateAt = now
    if (this.state.rate > 1 && this.late === TOO_OFTEN_LATE) this.start(us, true)
  }

  private runEnded(): void {
    if (this.showNext) {
      // Nothing there to show: a search beyond the last random access point.
      this.showNext = false
      this.state.seeking = false
      this.settle()
      if (this.state.playing) this.finish()
    }
    if (this.stepsAhead > 0) this.finish()
    this.changed()
  }

  private finish(): void {
    this.stepsAhead = 0
    this.state.playing = false
    this.state.ended = true
    if (this.state.keysOnly) this.leaveKeysOnly()
    this.state.atUs = this.durationUs
    this.changed()
  }

  private failed(error: unknown, lost: boolean, span: Span): void {
    if (this.closed) return
    if (lost) {
      const again = this.showNext ? span.fromUs : this.state.shownUs ?? span.fromUs
      this.start(again, !this.showNext)
      return
    }
    this.stop(error)
  }

  private undecodable(detail: string, span: Span): void {
    if (this.closed) return
    const avc = /^avc/i.test(this.setup.info.codec)
    if (!avc || this.state.delivery === 'pictures') {
      this.stop(undecodable(detail))
      return
    }
    // The core decodes it.
    this.state.delivery = 'pictures'
    this.start(this.showNext ? span.fromUs : this.state.shownUs ?? span.fromUs, !this.showNext)
    this.changed()
  }

  private stop(error: unknown): void {
    this.state.error = error
    this.state.playing = false
    this.state.seeking = false
    this.closeRun()
    this.closeBack()
    this.settle()
    this.changed()
  }

  private closeRun(): void {
    this.run?.close()
    this.run = null
    for (const { picture } of this.waiting.splice(0)) picture.close()
  }

  private closeBack(): void {
    if (this.back !== null) this.state.seeking = false
    this.back?.close()
    this.back = null
    this.stepsBack = 0
  }

  private keyBefore(us: number): number {
    const keys = this.setup.info.keyTimesUs
    let [low, high] = [0, keys.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((keys[middle] ?? 0) <= us) low = middle + 1
      else high = middle
    }
    return keys[Math.max(0, low - 1)] ?? 0
  }

  private settle(): void {
    for (const { done } of this.waiters.splice(0)) done()
  }

  private changed(): void {
    if (!this.closed) this.setup.changed()
  }
}
