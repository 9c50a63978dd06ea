/** Carries out what the transition function in player.ts decides, for one tile. */
import type { Code, Delivery, StreamConfig } from '@/api/generated'
import type { Clock } from './clock'
import { initialState, phaseOf, step, type PlayerEvent, type PlayerPhase, type PlayerState } from './player'
import type { Picture, Sink, SinkEvents, SinkPath } from './sinks/sink'
import {
  FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, KIND_ACCESS_UNIT, KIND_CONFIG, KIND_PICTURE, KIND_STATE, readConfig, readState,
  type WireMessage,
} from './wire'

export interface PlayerSetup {
  clock: Clock
  createSink(config: StreamConfig, events: SinkEvents): Sink
  /** Whether the web view decodes this codec; asked once per config. */
  canDecode(codec: string): Promise<boolean>
  credit(tile: number, count: number): void
  /** The receiver closes it. */
  picture(picture: Picture): void
  /** Open the stream again, as pictures. */
  fallBack(): void
  /** Neither this side nor the core decodes this codec. */
  unsupported(): void
  changed(): void
}

export class Player {
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
  }

  get state(): Readonly<PlayerState> {
    return this.current
  }

  get phase(): PlayerPhase {
    return phaseOf(this.current, this.setup.clock.now())
  }

  open(tile: number, delivery: Delivery): void {
    this.handle({ type: 'open', delivery })
    this.tile = tile
  }

  close(paused: boolean): void {
    this.handle({ type: 'close', paused })
  }

  openFailed(code: Code, detail: string): void {
    this.handle({ type: 'openFailed', code, detail })
  }

  gap(): void {
    this.handle({ type: 'gap' })
  }

  tick(): void {
    this.handle({ type: 'tick' })
  }

  message(message: WireMessage): void {
    switch (message.kind) {
      case KIND_CONFIG: {
        const config = readConfig(message.payload)
        if (config === null) return
        this.handle({ type: 'config', config })
        if (config.delivery === 'encoded') this.probe(config.codec)
        return
      }
      case KIND_STATE: {
        const state = readState(message.payload)
        if (state !== null) this.handle({ type: 'state', state })
        return
      }
      case KIND_ACCESS_UNIT: {
        const { clock } = this.setup
        return this.handle({
          type: 'accessUnit',
          randomAccess: (message.flags & FLAG_RANDOM_ACCESS) !== 0,
          discontinuity: (message.flags & FLAG_DISCONTINUITY) !== 0,
          ageMs: message.arrivalUs > 0 ? clock.utc() - message.arrivalUs / 1000 : 0,
          queue: this.sink?.queue ?? 0,
          waitMs: this.sink?.waitMs(clock.now()) ?? 0,
        }, message)
      }
      case KIND_PICTURE:
        return this.handle({ type: 'picture' }, message)
    }
  }

  private probe(codec: string): void {
    const tile = this.tile
    void this.setup.canDecode(codec).then((ok) => {
      if (!ok && tile === this.tile) this.handle({ type: 'cannotDecode', codec })
    })
  }

  private handle(event: PlayerEvent, message?: WireMessage): void {
    const { clock, credit } = this.setup
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
          if (this.sink === null) credit(message.tile, 1)
          else this.sink.feed(message, clock.now())
          break
        case 'discard':
          if (message !== undefined) credit(message.tile, 1)
          break
        case 'fallBack':
          this.setup.fallBack()
          break
        case 'unsupported':
          this.setup.unsupported()
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
    const tile = this.tile
    let sink: Sink | null = null
    const own = (): boolean => sink !== null && sink === this.sink
    sink = this.setup.createSink(config, {
      picture: (picture) => {
        if (!own()) {
          picture.close()
          return
        }
        // Before the state changes, so that whoever is told of "playing" finds the picture there.
        this.setup.picture(picture)
        this.handle({ type: 'output' })
      },
      released: (count) => this.setup.credit(tile, count),
      error: (detail) => {
        if (own()) this.handle({ type: 'decoderError', detail })
      },
    })
    this.sink = sink
    this.path = sink.path
  }
}
