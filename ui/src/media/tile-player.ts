/** Carries out what the transition function in player.ts decides, for one tile. */
import type { Code, Delivery, Pace, StreamConfig } from '@/api/generated'
import type { Clock } from './clock'
import { Hold } from './hold'
import type { Quality } from './jitter'
import { type DecoderLoss, initialState, phaseOf, step, type PlayerEvent, type PlayerPhase, type PlayerState } from './player'
import type { Picture, Sink, SinkEvents, SinkPath } from './sinks/sink'
import {
  FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, KIND_ACCESS_UNIT, KIND_CONFIG, KIND_PICTURE, KIND_STATE, readConfig, readState,
  type WireMessage,
} from './wire'

export interface PlayerSetup {
  clock: Clock
  createSink(config: StreamConfig, events: SinkEvents, pace: Pace): Sink
  /** Whether the web view decodes this codec; asked once per config. */
  canDecode(codec: string): Promise<boolean>
  /** At first; real time when absent. */
  quality?: Quality
  credit(tile: number, count: number): void
  /** The receiver closes it. */
  picture(picture: Picture): void
  /** Open the stream again, as pictures. */
  fallBack(): void
  /** Neither this side nor the core decodes this codec. */
  unsupported(): void
  changed(): void
  /** A decoder was lost and another is on its way: the group of pictures is wanted again. */
  askKey?(): void
  /** `explicit`: the engine said that there are too many. `silent`: it took pictures and never gave one. */
  lost?(loss: DecoderLoss | 'silent', explicit: boolean): void
}

/** Credits of one opening that went back before their pictures were decoded. */
interface Account {
  tile: number
  paid: number
}

export class Player {
  private readonly hold: Hold
  private account: Account = { tile: 0, paid: 0 }
  private current: PlayerState = initialState()
  private sink: Sink | null = null
  /** Number of the opening on the wire; late messages and credits of earlier ones keep their own number. */
  private tile = 0
  private lastPhase: PlayerPhase = 'idle'
  /** Stays when the sink has gone, as the picture does. */
  path: SinkPath | null = null
  private readonly setup: PlayerSetup

  constructor(setup: PlayerSetup) {
    this.setup = setup
    this.hold = new Hold(setup.clock, setup.quality ?? { mode: 'realTime', delayMs: 0 }, {
      deliver: (message, credited) => this.deliver(message, credited),
      credit: (tile, count) => setup.credit(tile, count),
      present: (picture) => setup.picture(picture),
    })
  }

  /** Real time, fluent or auto: counts at once. */
  setQuality(quality: Quality): void {
    this.hold.setQuality(quality)
  }

  /** How long a picture that was not delayed on its way is held before it is shown, ms. Sound waits as long. */
  get delayMs(): number {
    return this.hold.playout.delayMs
  }

  get state(): Readonly<PlayerState> {
    return this.current
  }

  get phase(): PlayerPhase {
    return phaseOf(this.current, this.setup.clock.now())
  }

  open(tile: number, delivery: Delivery): void {
    this.hold.clear()
    this.handle({ type: 'open', delivery })
    this.tile = tile
    this.account = { tile, paid: 0 }
  }

  close(paused: boolean): void {
    this.hold.clear()
    this.handle({ type: 'close', paused })
  }

  openFailed(code: Code, detail: string): void {
    this.handle({ type: 'openFailed', code, detail })
  }

  gap(): void {
    this.hold.after(() => this.handle({ type: 'gap' }))
  }

  tick(startMs?: number, busy = false): void {
    this.handle({ type: 'tick', busy, ...(startMs !== undefined && { startMs }) })
  }

  setPace(pace: Pace): void {
    if (pace === this.current.pace) return
    this.sink?.setPace?.(pace)
    this.handle({ type: 'pace', pace })
  }

  /** How long the oldest picture has been inside the decoder, and how many wait in front of it. */
  get backlog(): { queue: number; waitMs: number } {
    const { sink } = this
    return { queue: sink?.queue ?? 0, waitMs: sink?.waitMs(this.setup.clock.now()) ?? 0 }
  }

  message(message: WireMessage): void {
    switch (message.kind) {
      case KIND_CONFIG: {
        const config = readConfig(message.payload)
        if (config !== null) this.hold.after(() => this.configure(config))
        return
      }
      case KIND_STATE: {
        const state = readState(message.payload)
        if (state !== null) this.handle({ type: 'state', state })
        return
      }
      case KIND_ACCESS_UNIT:
      case KIND_PICTURE:
        this.hold.take(message)
    }
  }

  private configure(config: StreamConfig): void {
    this.hold.expect(config.reorderFrames)
    this.handle({ type: 'config', config })
    if (config.delivery === 'encoded') this.probe(config.codec)
  }

  private deliver(message: WireMessage, credited: boolean): void {
    const { clock } = this.setup
    if (credited && message.tile === this.account.tile) this.account.paid++
    if (message.kind === KIND_PICTURE) return this.handle({ type: 'picture' }, message)
    this.handle({
      type: 'accessUnit',
      randomAccess: (message.flags & FLAG_RANDOM_ACCESS) !== 0,
      discontinuity: (message.flags & FLAG_DISCONTINUITY) !== 0,
      // What is held on purpose is not late.
      ageMs: message.arrivalUs > 0 ? clock.utc() - message.arrivalUs / 1000 - this.hold.playout.delayMs : 0,
      queue: this.sink?.queue ?? 0,
      waitMs: this.sink?.waitMs(clock.now()) ?? 0,
    }, message)
  }

  /** Gives credits back, less those that went back already. */
  private settle(account: Account, count: number, tile = account.tile): void {
    const paid = tile === account.tile ? Math.min(account.paid, count) : 0
    account.paid -= paid
    if (count > paid) this.setup.credit(tile, count - paid)
  }

  private probe(codec: string): void {
    const tile = this.tile
    void this.setup.canDecode(codec).then((ok) => {
      if (!ok && tile === this.tile) this.handle({ type: 'cannotDecode', codec })
    })
  }

  private handle(event: PlayerEvent, message?: WireMessage): void {
    const { clock } = this.setup
    const { state, effects } = step(this.current, event, clock.now())
    this.current = state
    for (const effect of effects) {
      switch (effect) {
        case 'createSink':
          this.createSink()
          break
        case 'resetSink':
          this.sink?.reset()
          break
        case 'closeSink': {
          const sink = this.sink
          this.sink = null
          sink?.close()
          break
        }
        case 'feed':
          if (message === undefined) break
          if (this.sink === null) this.settle(this.account, 1, message.tile)
          else this.sink.feed(message, clock.now())
          break
        case 'discard':
          if (message !== undefined) this.settle(this.account, 1, message.tile)
          break
        case 'fallBack':
          this.setup.fallBack()
          break
        case 'unsupported':
          this.setup.unsupported()
          break
        case 'askKey':
          this.setup.askKey?.()
          break
        case 'silent':
          this.setup.lost?.('silent', false)
          break
      }
    }
    const phase = this.phase
    if (phase !== this.lastPhase || event.type === 'state' || event.type === 'config') {
      this.lastPhase = phase
      this.setup.changed()
    }
  }

  private createSink(): void {
    const config = this.current.config
    if (config === null) return
    const { account } = this
    let sink: Sink | null = null
    const own = (): boolean => sink !== null && sink === this.sink
    sink = this.setup.createSink(config, {
      picture: (picture) => {
        if (!own()) {
          picture.close()
          return
        }
        // Before the state changes, so that whoever is told of "playing" finds the picture there.
        picture.lateMs = this.hold.lateness(picture)
        this.hold.shown(picture)
        this.handle({ type: 'output' })
      },
      released: (count) => this.settle(account, count),
      error: (detail, loss = 'failed', explicit = false) => {
        if (!own()) return
        // First told, so that whoever decides about decoders knows before the next one is made.
        this.setup.lost?.(loss, explicit)
        this.handle({ type: 'decoderError', detail, loss, explicit })
      },
    }, this.current.pace)
    this.sink = sink
    this.path = sink.path
  }
}
