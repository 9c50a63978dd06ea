/** The streams of all windows over the one media session: opening, closing, and who gets which message. */
import { CODES, type Code, type Delivery, type Profile, type RpcSchema } from '@/api/generated'
import { MediaConnection, type ConnectionSetup } from '@/media/carrier'
import type { Clock } from '@/media/clock'
import { staleAfterMs } from '@/media/player'
import { PicturesSink } from '@/media/sinks/pictures'
import { DecodeProbe } from '@/media/sinks/probe'
import type { Picture } from '@/media/sinks/sink'
import { WebCodecsSink } from '@/media/sinks/webcodecs'
import { Player, type PlayerSetup } from '@/media/tile-player'
import { isPictureKind } from '@/media/wire'
import type { TileStream, WallTile } from './tile'

export type Rpc = <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request']) => Promise<RpcSchema[K]['response']>

export interface StreamEvents {
  picture(tile: WallTile, stream: TileStream, picture: Picture): void
  /** Neither side decodes this stream. */
  unsupported(tile: WallTile, stream: TileStream): void
  changed(): void
}

export interface StreamsSetup {
  rpc: Rpc
  clock: Clock
  connection: Omit<ConnectionSetup, 'connect' | 'clock'>
  createSink?: PlayerSetup['createSink']
  canDecode?: PlayerSetup['canDecode']
}

/** Sixteen windows open within a tenth of a second, and not all at one camera's door at once. */
const STAGGER_MS = 6
/** The core says that it plays and nothing has come for so long after a picture went stale: start over. */
const REOPEN_MS = 8000

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
  hardDecoding = true

  constructor(setup: StreamsSetup, events: StreamEvents) {
    this.setup = setup
    this.events = events
    this.connection = new MediaConnection(
      { ...setup.connection, clock: setup.clock, connect: () => setup.rpc('live.connect', {}) },
      {
        session: () => this.sessionStarted(),
        message: (message) => {
          const stream = this.routes.get(message.tile)
          if (stream !== undefined) stream.player.message(message)
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
          ?? ((config, events) => config.delivery === 'pictures' ? new PicturesSink(config, events) : new WebCodecsSink(config, events)),
        canDecode: this.setup.canDecode ?? ((codec) => probe.check(codec)),
        credit: (wire, count) => this.connection.credit(wire, count),
        picture: (picture) => this.events.picture(tile, stream, picture),
        fallBack: () => {
          stream.asPictures = true
          this.reopen(stream)
        },
        unsupported: () => this.events.unsupported(tile, stream),
        changed: () => this.events.changed(),
      }),
      wire: null,
      opening: Promise.resolve(),
      openedAt: this.setup.clock.now(),
      asPictures: false,
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
    this.closeWire(stream)
    this.events.changed()
  }

  /** Opens under a new number, so that nothing of the old opening is taken for the new one. */
  reopen(stream: TileStream): void {
    this.closeWire(stream)
    if (this.open.has(stream) && this.connection.session !== null) this.enqueue(stream)
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

  networkChanged(): void {
    this.connection.hint()
  }

  tick(): void {
    const now = this.setup.clock.now()
    for (const stream of this.open.keys()) {
      const { player } = stream
      player.tick()
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
    if (this.queueTimer !== null) return
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
    const delivery: Delivery = this.hardDecoding && !stream.asPictures ? 'encoded' : 'pictures'
    stream.wire = wire
    stream.openedAt = this.setup.clock.now()
    this.routes.set(wire, stream)
    stream.player.open(wire, delivery)
    const { device, channel } = tile.channel
    stream.opening = this.setup.rpc('live.open', { session, tile: wire, device, channel, profile: stream.profile, delivery }).then(
      () => undefined,
      (error: unknown) => {
        if (stream.wire === wire) stream.player.openFailed(codeOf(error), detailOf(error))
      },
    )
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
