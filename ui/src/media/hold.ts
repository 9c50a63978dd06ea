/** Holds what arrived until the playout policy says that its time has come: coded pictures, and at most a few decoded. */
import type { Clock } from './clock'
import { Playout, type Quality } from './jitter'
import type { Picture } from './sinks/sink'
import { KIND_PICTURE, type WireMessage } from './wire'

export interface HoldEvents {
  /** `credited`: its credit has gone back already, since holding it must not keep the core from sending the next. */
  deliver(message: WireMessage, credited: boolean): void
  credit(tile: number, count: number): void
  present(picture: Picture): void
}

/** A coded picture goes to the decoder so long before it is due; a decoded one is held for the rest. */
const DECODE_MS = 50
/** Decoded pictures are scarce: decoders stop when some eight or so are held outside. */
const MOST_DECODED = 3
const MOST_DECODED_MS = 2 * DECODE_MS
const MOST_BYTES = 8 * 1024 * 1024
const MOST_HELD = 160
/** A timer is no better than this. */
const SLACK_MS = 1

interface Entry {
  /** Null for what is only to be done in its turn. */
  message: WireMessage | null
  slot: number
  run: (() => void) | null
}

export class Hold {
  readonly playout: Playout
  private readonly clock: Clock
  private readonly events: HoldEvents
  private entries: Entry[] = []
  private bytes = 0
  private decoded: { picture: Picture; slot: number }[] = []
  private timer: number | null = null
  private timerAt = Infinity
  private delivering = false
  /** The first picture of an opening does not wait: something is to be seen at once. */
  private fresh = true
  private unseen = true
  private reorder = 0

  constructor(clock: Clock, quality: Quality, events: HoldEvents) {
    this.clock = clock
    this.playout = new Playout(quality)
    this.events = events
  }

  /** Coded or decoded pictures that wait here. */
  get held(): number {
    return this.entries.length + this.decoded.length
  }

  setQuality(quality: Quality): void {
    this.playout.quality = quality
    this.pump()
  }

  /** Whatever is here belongs to an opening that is over. */
  clear(): void {
    this.entries = []
    this.bytes = 0
    for (const { picture } of this.decoded) picture.close()
    this.decoded = []
    this.playout.reset()
    this.fresh = this.unseen = true
    this.reorder = 0
    this.wake(Infinity)
  }

  /** The stream holds so many pictures back for their order: that many later ones must be fed before one comes out. */
  expect(reorder: number): void {
    this.reorder = Math.max(0, reorder)
  }

  take(message: WireMessage): void {
    const now = this.clock.now()
    const age = message.arrivalUs > 0 ? Math.max(0, this.clock.utc() - message.arrivalUs / 1000) : 0
    const slot = this.playout.arrived(message.ptsUs / 1000, now - age)
    const first = this.fresh
    this.fresh = false
    if (this.entries.length === 0 && !this.delivering && (first || this.feedAt(message, slot, now) <= now + SLACK_MS)) {
      this.events.deliver(message, false)
      return
    }
    this.entries.push({ message, slot, run: null })
    this.bytes += message.payload.length
    this.events.credit(message.tile, 1)
    this.pump()
  }

  /** Runs once all that came before has been delivered. */
  after(run: () => void): void {
    if (this.entries.length === 0 && !this.delivering) run()
    else this.entries.push({ message: null, slot: 0, run })
  }

  /** A picture came out of the decoder. */
  shown(picture: Picture): void {
    const now = this.clock.now()
    if (this.unseen || picture.ptsUs === undefined || this.playout.quality.mode === 'realTime') {
      this.unseen = false
      this.releaseDecoded()
      this.events.present(picture)
      return
    }
    this.decoded.push({ picture, slot: this.playout.slotOf(picture.ptsUs / 1000) })
    if (this.decoded.length > MOST_DECODED) this.presentFirst()
    this.presentDue(now)
    this.schedule(now)
  }

  /** How long a picture took longer than the quickest to come here, ms. */
  lateness(picture: Picture): number {
    if (picture.ptsUs === undefined || picture.arrivalUs <= 0) return 0
    const age = this.clock.utc() - picture.arrivalUs / 1000
    return this.playout.lateness(picture.ptsUs / 1000, this.clock.now() - age)
  }

  private feedAt(message: WireMessage, slot: number, now: number): number {
    const ahead = message.kind === KIND_PICTURE ? 0 : DECODE_MS
    return this.playout.due(slot, now) - ahead
  }

  private pump(): void {
    if (this.delivering) return
    this.delivering = true
    try {
      for (;;) {
        const now = this.clock.now()
        const [entry] = this.entries
        if (entry === undefined) break
        const full = this.bytes > MOST_BYTES || this.entries.length > MOST_HELD
        if (entry.message !== null && full) this.playout.overrun(entry.slot, now)
        if (!full && this.nextFeed(now) > now + SLACK_MS) break
        this.entries.shift()
        if (entry.message === null) entry.run?.()
        else {
          this.bytes -= entry.message.payload.length
          this.events.deliver(entry.message, true)
        }
      }
    } finally {
      this.delivering = false
    }
    const now = this.clock.now()
    this.presentDue(now)
    this.schedule(now)
  }

  /** Coded pictures stay in order, so one goes when any of those goes that it holds up. */
  private nextFeed(now: number): number {
    let next = Infinity
    for (let at = 0; at <= this.reorder && at < this.entries.length; at++) {
      const entry = this.entries[at]
      if (entry === undefined) break
      if (entry.message === null) return at === 0 ? now : next
      next = Math.min(next, this.feedAt(entry.message, entry.slot, now))
    }
    return next
  }

  /** Never for longer than a decoder needs, whatever has become of the presentation times meanwhile. */
  private presentAt(slot: number, now: number): number {
    return Math.min(this.playout.due(slot, now), now + MOST_DECODED_MS)
  }

  private presentDue(now: number): void {
    for (;;) {
      const [first] = this.decoded
      if (first === undefined || this.presentAt(first.slot, now) > now + SLACK_MS) return
      this.presentFirst()
    }
  }

  private presentFirst(): void {
    const first = this.decoded.shift()
    if (first !== undefined) this.events.present(first.picture)
  }

  private releaseDecoded(): void {
    while (this.decoded.length > 0) this.presentFirst()
  }

  private schedule(now: number): void {
    const feed = this.entries.length === 0 ? Infinity : this.nextFeed(now)
    const [first] = this.decoded
    const present = first === undefined ? Infinity : this.presentAt(first.slot, now)
    this.wake(Math.min(feed, present))
  }

  private wake(at: number): void {
    // A timer that comes a little early finds nothing to do and sets the next.
    if (this.timer !== null && Math.abs(at - this.timerAt) < SLACK_MS) return
    if (this.timer !== null) this.clock.clear(this.timer)
    this.timer = null
    this.timerAt = at
    if (at === Infinity) return
    this.timer = this.clock.set(() => {
      this.timer = null
      this.pump()
    }, Math.max(0, at - this.clock.now()))
  }
}
