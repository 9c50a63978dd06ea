/** The streams of all windows over the one media session: opening, closing, and who gets which message. */
import { CODES, type Code, type Delivery, type Pace, type Profile, type RpcSchema, type SoundFormat, type TileRef } from '@/api/generated'
import { MediaConnection, type ConnectionSetup } from '@/media/carrier'
import type { Clock } from '@/media/clock'
import { type DecoderLoss, staleAfterMs } from '@/media/player'
import { PicturesSink } from '@/media/sinks/pictures'
import { DecodeProbe } from '@/media/sinks/probe'
import type { Picture } from '@/media/sinks/sink'
import { WebCodecsSink } from '@/media/sinks/webcodecs'
import { soundFormats } from '@/media/sound/support'
import { Player, type PlayerSetup } from '@/media/tile-player'
import { isPictureKind, isSoundKind, type WireMessage } from '@/media/wire'
import type { TileStream, WallTile } from './tile'

/** `outlives`: it has to arrive even when the page goes away meanwhile. */
export type Rpc = <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request'], outlives?: boolean) => Promise<RpcSchema[K]['response']>

export interface StreamEvents {
  picture(tile: WallTile, stream: TileStream, picture: Picture): void
  /** Neither side decodes this stream. */
  unsupported(tile: WallTile, stream: TileStream): void
  /** Of the stream that is listened to. */
  sound(message: WireMessage): void
  /** What is listened to has begun anew, with another clock, or has ended. */
  soundRestarted(): void
  changed(): void
  /** Whether the web view may decode it; the core does otherwise. */
  mayUseHardware(tile: WallTile): boolean
  /** A decoder of the web view was lost. */
  lost(tile: WallTile, stream: TileStream, loss: DecoderLoss | 'silent', explicit: boolean): void
}

export interface StreamsSetup {
  rpc: Rpc
  clock: Clock
  connection: Omit<ConnectionSetup, 'connect' | 'clock'>
  /** What this web view decodes. */
  soundFormats?(): Promise<SoundFormat[]>
  createSink?: PlayerSetup['createSink']
  canDecode?: PlayerSetup['canDecode']
}

/** Sixteen windows open within a tenth of a second, and not all at one camera's door at once. */
const STAGGER_MS = 6
/** The core says that it plays and nothing has come for so long after a picture went stale: start over. */
const REOPEN_MS = 8000

/** A page that ran late has outputs of its decoders waiting behind it: their silence proves nothing. */
const LATE_MS = 200
/** Behind, and yet alive. */
const SLOW_MS = 300
const ALIVE_MS = 700

const probe = new DecodeProbe()

export function codeOf(error: unknown): Code {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null
  return CODES.find((known) => known === code) ?? 'internal'
}

function detailOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'detail' in error && typeof error.detail === 'string') return error.detail
  return error instanceof Error ? error.message : String(error)
}

export class Streams {
  private readonly setup: StreamsSetup
  private readonly events: StreamEvents
  private readonly connection: MediaConnection
  private readonly routes = new Map<number, TileStream>()
  private readonly open = new Map<TileStream, WallTile>()
  private started = false
  private nextWire = 1
  private queue: TileStream[] = []
  private queueTimer: number | null = null
  /** The core counts the page as in the background, so that it would refuse what is opened. */
  private held = false
  /** Words to the core about that. */
  private turn = 0
  private heard: TileStream | null = null
  hardDecoding = true
  /** The slowest start of a decoder lately, ms. */
  private startMs: number | undefined

  constructor(setup: StreamsSetup, events: StreamEvents) {
    this.setup = setup
    this.events = events
    this.connection = new MediaConnection(
      { ...setup.connection, clock: setup.clock, connect: () => setup.rpc('live.connect', {}) },
      {
        session: () => this.sessionStarted(),
        message: (message) => {
          const stream = this.routes.get(message.tile)
          if (isSoundKind(message.kind)) {
            if (stream !== undefined && stream === this.heard) events.sound(message)
          } else if (stream !== undefined) stream.player.message(message)
          else if (isPictureKind(message.kind)) this.connection.credit(message.tile, 1)
        },
        gap: () => {
          for (const stream of this.routes.values()) stream.player.gap()
        },
        carrier: () => events.changed(),
      },
    )
  }

  start(tile: WallTile, profile: Profile): void {
    const existing = tile.streams.get(profile)
    if (existing !== undefined) {
      this.cancelClose(existing)
      return
    }
    const stream: TileStream = {
      profile,
      player: new Player({
        clock: this.setup.clock,
        createSink: this.setup.createSink
          ?? ((config, events, pace) => config.delivery === 'pictures' ? new PicturesSink(config, events) : new WebCodecsSink(config, events, pace)),
        canDecode: this.setup.canDecode ?? ((codec) => probe.check(codec)),
        quality: tile.quality,
        credit: (wire, count) => this.connection.credit(wire, count),
        picture: (picture) => this.events.picture(tile, stream, picture),
        fallBack: () => {
          // Where there are only too few decoders, that may change.
          stream.asPictures = this.events.mayUseHardware(tile)
          this.reopen(stream)
        },
        unsupported: () => this.events.unsupported(tile, stream),
        changed: () => this.events.changed(),
        askKey: () => this.askKey(stream),
        lost: (loss, explicit) => this.events.lost(tile, stream, loss, explicit),
      }),
      wire: null,
      opening: Promise.resolve(),
      openedAt: this.setup.clock.now(),
      asPictures: false,
      pace: 'full',
      closeTimer: null,
    }
    tile.streams.set(profile, stream)
    tile.stats.opened(this.setup.clock.now())
    this.open.set(stream, tile)
    if (!this.started) {
      this.started = true
      this.connection.start()
    } else if (this.connection.session !== null) this.enqueue(stream)
  }

  /** Closes now, or after `lingerMs` unless it is wanted again before. */
  stop(tile: WallTile, profile: Profile, lingerMs: number, paused: boolean): void {
    const stream = tile.streams.get(profile)
    if (stream === undefined) return
    if (lingerMs > 0) {
      stream.closeTimer ??= this.setup.clock.set(() => this.stop(tile, profile, 0, paused), lingerMs)
      return
    }
    this.cancelClose(stream)
    tile.streams.delete(profile)
    this.open.delete(stream)
    this.queue = this.queue.filter((other) => other !== stream)
    stream.player.close(paused)
    if (stream === this.heard) {
      this.heard = null
      this.events.soundRestarted()
    }
    this.closeWire(stream)
    this.events.changed()
  }

  /** Opens under a new number, so that nothing of the old opening is taken for the new one. */
  reopen(stream: TileStream): void {
    this.closeWire(stream)
    if (this.open.has(stream) && this.connection.session !== null) this.enqueue(stream)
  }

  /** Which of its pictures a stream is to bring from now on. */
  setPace(stream: TileStream, pace: Pace): void {
    if (stream.pace === pace) return
    stream.pace = pace
    stream.player.setPace(pace)
    this.sendPace(stream)
  }

  /** Whoever decodes the tile's streams on the wrong side is opened anew. */
  redeal(tile: WallTile): void {
    for (const stream of tile.streams.values()) {
      if (stream.wire !== null && stream.player.state.open && this.deliveryOf(tile, stream) !== stream.player.state.delivery) this.reopen(stream)
    }
  }

  private deliveryOf(tile: WallTile, stream: TileStream): Delivery {
    return this.hardDecoding && !stream.asPictures && this.events.mayUseHardware(tile) ? 'encoded' : 'pictures'
  }

  private sendPace(stream: TileStream): void {
    const { wire, pace } = stream
    // Not before it is open there, and a later opening tells its own. Where it is not taken, the player leaves out as much.
    void stream.opening.then(() => {
      const { session } = this.connection
      if (session !== null && wire !== null && stream.wire === wire && stream.pace === pace) return this.setup.rpc('live.pace', { session, tile: wire, pace })
    }).catch(() => undefined)
  }

  /** Without an answer the next random access point of the stream does. */
  private askKey(stream: TileStream): void {
    const { session } = this.connection
    if (session !== null && stream.wire !== null) this.setup.rpc('live.refresh', { session, tile: stream.wire }).catch(() => undefined)
  }

  reopenAll(): void {
    for (const stream of this.open.keys()) {
      stream.asPictures = false
      this.reopen(stream)
    }
  }

  retry(stream: TileStream): void {
    const { session } = this.connection
    stream.asPictures = false
    if (session === null || stream.wire === null || stream.player.state.fault !== null) {
      this.reopen(stream)
      this.connection.hint()
      return
    }
    this.setup.rpc('live.retry', { session, tile: stream.wire }).catch(() => this.reopen(stream))
  }

  /** Where a stream of the tile comes in; null while it does not. */
  placeOf(tile: WallTile, profile: Profile): TileRef | null {
    const { session } = this.connection
    const wire = tile.streams.get(profile)?.wire ?? null
    return session === null || wire === null ? null : { session, tile: wire }
  }

  /** Gets the sound of one stream, and of no other. */
  listen(stream: TileStream | null): void {
    const { heard } = this
    if (stream === heard) return
    this.heard = stream
    this.events.soundRestarted()
    const { session } = this.connection
    if (heard !== null && heard.wire !== null && session !== null) {
      // Gone already, with its tile perhaps: that is what was wanted.
      this.setup.rpc('live.mute', { session, tile: heard.wire }).catch(() => undefined)
    }
    if (stream !== null) this.askForSound(stream)
  }

  private askForSound(stream: TileStream): void {
    const { wire } = stream
    if (wire === null) return
    const formats = this.setup.soundFormats ?? soundFormats
    void Promise.all([formats(), stream.opening]).then(([list]) => {
      const { session } = this.connection
      if (this.heard !== stream || stream.wire !== wire || session === null) return
      return this.setup.rpc('live.listen', { session, tile: wire, formats: list })
    }).catch(() => undefined)
  }

  networkChanged(): void {
    this.connection.hint()
  }

  /** The page goes to the background: every decoder is closed now, and the core is told with one word. */
  leave(): void {
    for (const [stream, tile] of this.open) {
      this.cancelClose(stream)
      tile.streams.delete(stream.profile)
      stream.player.close(true)
      stream.wire = null
    }
    this.open.clear()
    this.routes.clear()
    this.queue = []
    this.tell(false)
  }

  /** The page is in front again; what is started from now on opens as soon as the core knows. */
  comeBack(): void {
    this.tell(true)
    this.connection.hint()
  }

  private tell(present: boolean): void {
    const { session } = this.connection
    const turn = ++this.turn
    this.held = true
    const told = (): void => {
      if (!present || turn !== this.turn) return
      this.held = false
      this.drain()
    }
    // A session that begins later takes its page for present.
    if (session === null) told()
    else this.setup.rpc('live.presence', { session, present, turn }, true).then(told, told)
  }

  /** `lateMs`: how much later than planned it is called. */
  tick(lateMs = 0): void {
    const now = this.setup.clock.now()
    const starts = [...this.open.keys()].flatMap(({ player }) => player.state.startMs ?? [])
    if (starts.length > 0) this.startMs = Math.max(...starts)
    const slow = [...this.open.keys()].filter(({ player }) =>
      player.backlog.waitMs > SLOW_MS && now - (player.state.lastOutputAt ?? -Infinity) < ALIVE_MS)
    for (const stream of this.open.keys()) {
      const { player } = stream
      if (lateMs < LATE_MS) player.tick(this.startMs, slow.some((other) => other !== stream))
      const { lastOutputAt, session } = player.state
      const silent = lastOutputAt !== null && now - lastOutputAt > staleAfterMs(player.state) + REOPEN_MS
      // A credit lost with a broken carrier would otherwise keep the window shut for ever.
      if (silent && session?.phase === 'playing') this.reopen(stream)
    }
  }

  destroy(): void {
    for (const [stream, tile] of [...this.open]) this.stop(tile, stream.profile, 0, false)
    if (this.queueTimer !== null) this.setup.clock.clear(this.queueTimer)
    const { session } = this.connection
    this.connection.close()
    if (session !== null) this.setup.rpc('live.disconnect', { session }).catch(() => undefined)
  }

  private sessionStarted(): void {
    this.routes.clear()
    for (const stream of this.open.keys()) {
      stream.wire = null
      this.enqueue(stream)
    }
  }

  private enqueue(stream: TileStream): void {
    if (!this.queue.includes(stream)) this.queue.push(stream)
    this.drain()
  }

  private drain(): void {
    if (this.queueTimer !== null || this.held) return
    const stream = this.queue.shift()
    if (stream === undefined) return
    this.openWire(stream)
    this.queueTimer = this.setup.clock.set(() => {
      this.queueTimer = null
      this.drain()
    }, STAGGER_MS)
  }

  private openWire(stream: TileStream): void {
    const tile = this.open.get(stream)
    const { session } = this.connection
    if (tile === undefined || session === null) return
    const wire = this.nextWire++
    const delivery = this.deliveryOf(tile, stream)
    stream.wire = wire
    stream.openedAt = this.setup.clock.now()
    this.routes.set(wire, stream)
    stream.player.open(wire, delivery)
    stream.opening = this.ask(tile, stream.profile, { session, tile: wire, delivery }).then(
      () => undefined,
      (error: unknown) => {
        if (stream.wire === wire) stream.player.openFailed(codeOf(error), detailOf(error))
      },
    )
    if (stream === this.heard) {
      this.events.soundRestarted()
      this.askForSound(stream)
    }
    if (stream.pace !== 'full') this.sendPace(stream)
  }

  /** A recording goes on where it was. */
  private ask({ channel: { device, channel }, replay }: WallTile, profile: Profile, what: { session: string; tile: number; delivery: Delivery }): Promise<unknown> {
    if (replay !== null) return this.setup.rpc('replay.open', { ...what, device, channel, fromUs: replay.atUs })
    return this.setup.rpc('live.open', { ...what, device, channel, profile })
  }

  private closeWire(stream: TileStream): void {
    const { wire } = stream
    const { session } = this.connection
    if (wire === null) return
    this.routes.delete(wire)
    stream.wire = null
    if (session === null) return
    void stream.opening
      .then(() => this.setup.rpc('live.close', { session, tile: wire }))
      // Gone already, with its session perhaps: that is what was wanted.
      .catch(() => undefined)
  }

  private cancelClose(stream: TileStream): void {
    if (stream.closeTimer !== null) this.setup.clock.clear(stream.closeTimer)
    stream.closeTimer = null
  }
}
