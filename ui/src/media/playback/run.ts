/** One span being read and decoded: feeds the decoder as there is room, and gives the pictures of the span in order. */
import type { Delivery, StreamConfig } from '@/api/generated'
import type { Clock } from '../clock'
import type { Picture } from '../sinks/sink'
import type { WireMessage } from '../wire'
import type { DecoderEvents, UnitDecoder } from './decoder'
import type { OpenSpan, Span, SpanSource } from './session'

export type CreateDecoder = (config: StreamConfig, events: DecoderEvents) => UnitDecoder

export interface RunEvents {
  /** The receiver closes it. */
  picture(us: number, picture: Picture): void
  /** Every picture of the span was given. */
  ended(): void
  failed(error: unknown, lost: boolean): void
  /** The decoder does not do it. */
  undecodable(detail: string): void
}

/** Pictures inside the decoder at once; more of them only take memory. */
const INSIDE = 4
/** While the group of pictures before the wanted one is worked through. */
const INSIDE_PREROLL = 16
/** A decoder that holds back more than the stream says is given so many more. */
const MORE = 8
const MOST_INSIDE = 48
/** Nothing came out for this long although the decoder is full. */
const STUCK_MS = 150
/** Nothing at all came out for this long. */
const DEAD_MS = 4000

/** The one decoder of a player, kept over the runs: to make one costs as much as a few pictures. */
export class DecoderSlot {
  private decoder: UnitDecoder | null = null
  private config: StreamConfig | null = null
  private readonly create: CreateDecoder
  private readonly runs = new Map<number, DecoderEvents>()
  private next = 1
  /** Of the decoder: what one that is gone still says concerns nobody. */
  private generation = 0

  constructor(create: CreateDecoder) {
    this.create = create
  }

  get inside(): number {
    return this.decoder?.inside ?? 0
  }

  begin(events: DecoderEvents): number {
    // One run at a time: what an older one left inside is thrown away as it comes out.
    this.runs.clear()
    this.runs.set(this.next, events)
    return this.next++
  }

  finish(run: number): void {
    this.runs.delete(run)
  }

  use(config: StreamConfig): UnitDecoder {
    const { config: old } = this
    const same = old !== null && old.codec === config.codec && old.delivery === config.delivery
      && old.width === config.width && old.height === config.height
    this.config = config
    if (this.decoder !== null && same) return this.decoder
    this.decoder?.close()
    const generation = ++this.generation
    this.decoder = this.create(config, {
      picture: (run, us, picture) => {
        const own = generation === this.generation ? this.runs.get(run) : undefined
        if (own === undefined) picture.close()
        else own.picture(run, us, picture)
      },
      flushed: (run) => {
        if (generation === this.generation) this.runs.get(run)?.flushed(run)
      },
      error: (detail) => {
        if (generation !== this.generation) return
        this.drop()
        for (const own of [...this.runs.values()]) own.error(detail)
      },
    })
    return this.decoder
  }

  drop(): void {
    this.generation++
    this.decoder?.close()
    this.decoder = null
    this.config = null
  }
}

export class Run {
  /** When the first picture to be shown is shown; null until the core has said. */
  firstUs: number | null = null
  ended = false
  readonly span: Span
  private readonly number: number
  private readonly slot: DecoderSlot
  private readonly clock: Clock
  private readonly events: RunEvents
  /** Pictures that whoever called has no room for just now are not decoded. */
  private readonly room: () => boolean
  private readonly open: OpenSpan
  private units: WireMessage[] = []
  private early: [number, Picture][] = []
  private decoder: UnitDecoder | null = null
  private delivery: Delivery = 'encoded'
  private reorder = 0
  private limit = INSIDE
  private allSent = false
  private flushing = false
  /** The first picture to be shown is in the decoder: what follows is only wanted soon. */
  private fedWanted = false
  private closed = false
  private fedAt: number | null = null
  private watch: number | null = null

  constructor(source: SpanSource, span: Span, slot: DecoderSlot, clock: Clock, room: () => boolean, events: RunEvents) {
    this.span = span
    this.slot = slot
    this.clock = clock
    this.room = room
    this.events = events
    this.number = slot.begin({
      picture: (_, us, picture) => this.output(us, picture),
      flushed: () => this.end(),
      error: (detail) => {
        if (!this.closed) this.events.undecodable(detail)
      },
    })
    this.open = source.read(span, {
      start: (firstUs) => {
        this.firstUs = span.keysOnly ? span.fromUs : firstUs
        const early = this.early
        this.early = []
        for (const [us, picture] of early) this.output(us, picture)
        this.pump()
      },
      config: (config) => {
        this.delivery = config.delivery
        this.reorder = config.reorderFrames
        this.decoder = slot.use(config)
      },
      unit: (message) => {
        this.units.push(message)
        this.pump()
      },
      end: () => {
        this.allSent = true
        this.pump()
      },
      failed: (error, lost) => {
        if (!this.closed) this.events.failed(error, lost)
      },
    })
  }

  /** Feeds what there is room for. */
  pump(): void {
    while (!this.closed && this.units.length > 0 && this.decoder !== null && this.mayFeed()) {
      const unit = this.units.shift()
      if (unit === undefined) break
      this.fedWanted ||= this.firstUs !== null && unit.ptsUs >= this.firstUs
      this.fedAt ??= this.clock.now()
      this.decoder.feed(this.number, unit)
      this.open.credit(1)
    }
    if (this.closed) return
    if (this.units.length === 0 && this.allSent && !this.flushing) {
      this.flushing = true
      if (this.decoder === null) this.end()
      else this.decoder.flush(this.number)
    }
    this.guard()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.watch !== null) this.clock.clear(this.watch)
    for (const [, picture] of this.early) picture.close()
    this.early = []
    this.units = []
    this.slot.finish(this.number)
    this.open.close()
  }

  private mayFeed(): boolean {
    if (this.delivery === 'pictures') return this.room() && this.early.length < 2
    const inside = this.slot.inside
    if (!this.fedWanted) return inside < Math.max(INSIDE_PREROLL, this.limit) && this.early.length < INSIDE
    return this.room() && inside < this.limit + this.reorder
  }

  private output(us: number, picture: Picture): void {
    this.fedAt = this.clock.now()
    if (this.closed) {
      picture.close()
      return
    }
    if (this.firstUs === null) {
      this.early.push([us, picture])
      return
    }
    const { toUs } = this.span
    if (us < this.firstUs || (toUs !== null && us >= toUs)) picture.close()
    else this.events.picture(us, picture)
    this.pump()
  }

  private end(): void {
    if (this.closed || this.ended) return
    this.ended = true
    this.events.ended()
  }

  /** A decoder that wants more before it gives anything gets it; one that never gives anything is none. */
  private guard(): void {
    if (this.watch !== null || this.closed || this.ended || this.delivery === 'pictures') return
    if (this.slot.inside === 0 || this.fedAt === null) return
    this.watch = this.clock.set(() => {
      this.watch = null
      if (this.closed || this.ended || this.fedAt === null) return
      const silent = this.clock.now() - this.fedAt
      if (silent >= DEAD_MS && this.slot.inside > 0) {
        this.slot.drop()
        this.events.undecodable('the decoder takes pictures and gives none')
        return
      }
      if (silent >= STUCK_MS && this.units.length > 0 && this.slot.inside >= this.limit) this.limit = Math.min(MOST_INSIDE, this.slot.inside + MORE)
      this.pump()
    }, STUCK_MS)
  }
}
