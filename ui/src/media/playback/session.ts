/** Spans of recordings over a media session of the player's own. */
import type { Delivery, MovieInfo, StreamConfig } from '@/api/generated'
import type { Rpc } from '@/wall/streams'
import { MediaConnection, type ConnectionSetup } from '../carrier'
import type { Clock } from '../clock'
import { isPictureKind, KIND_CONFIG, KIND_STATE, readConfig, readState, type WireMessage } from '../wire'

export interface Span {
  /** From the picture shown at this time on, µs. */
  fromUs: number
  /** Up to the last one before this time; to the end when null. */
  toUs: number | null
  keysOnly: boolean
  delivery: Delivery
}

export interface SpanEvents {
  /** When the first picture of the span is shown, µs. May come after the first units. */
  start(firstUs: number): void
  config(config: StreamConfig): void
  /** A compressed or a decoded picture. Its credit is given back with `credit`. */
  unit(message: WireMessage): void
  end(): void
  /** `lost`: a part got lost on the way; ask again. */
  failed(error: unknown, lost: boolean): void
}

export interface OpenSpan {
  credit(count: number): void
  close(): void
}

/** Where the player reads. */
export interface SpanSource {
  read(span: Span, events: SpanEvents): OpenSpan
}

interface Route {
  id: string
  span: Span
  events: SpanEvents
  asked: boolean
}

export class PlaybackSession {
  private readonly rpc: Rpc
  private readonly connection: MediaConnection
  private readonly routes = new Map<number, Route>()
  private nextTile = 1
  private closed = false

  constructor(setup: { rpc: Rpc; clock: Clock; connection: Omit<ConnectionSetup, 'connect' | 'clock'> }) {
    this.rpc = setup.rpc
    this.connection = new MediaConnection(
      { ...setup.connection, clock: setup.clock, connect: () => setup.rpc('live.connect', {}) },
      {
        session: () => this.sessionStarted(),
        message: (message) => this.message(message),
        // The core says of each span whether something of it was lost.
        gap: () => undefined,
        carrier: () => undefined,
      },
    )
    this.connection.start()
  }

  info(id: string): Promise<MovieInfo> {
    return this.rpc('play.open', { id })
  }

  /** The source of one recording. */
  of(id: string): SpanSource {
    return { read: (span, events) => this.read(id, span, events) }
  }

  close(): void {
    this.closed = true
    this.routes.clear()
    const { session } = this.connection
    this.connection.close()
    if (session !== null) this.rpc('live.disconnect', { session }).catch(() => undefined)
  }

  private read(id: string, span: Span, events: SpanEvents): OpenSpan {
    const tile = this.nextTile++
    const route: Route = { id, span, events, asked: false }
    this.routes.set(tile, route)
    this.ask(tile, route)
    return {
      credit: (count) => this.connection.credit(tile, count),
      close: () => {
        if (!this.routes.delete(tile)) return
        const { session } = this.connection
        if (session !== null && route.asked) this.rpc('live.close', { session, tile }).catch(() => undefined)
      },
    }
  }

  private ask(tile: number, route: Route): void {
    const { session } = this.connection
    // Asked when there is a session.
    if (session === null) return
    route.asked = true
    const { fromUs, toUs, keysOnly, delivery } = route.span
    this.rpc('play.read', { session, tile, id: route.id, fromUs: Math.round(fromUs), toUs: toUs === null ? null : Math.round(toUs), keysOnly, delivery }).then(
      ({ firstUs }) => {
        if (this.routes.get(tile) === route) route.events.start(firstUs)
        // Closed while it was being opened: the close may have overtaken the opening.
        else if (!this.closed) this.rpc('live.close', { session, tile }).catch(() => undefined)
      },
      (error: unknown) => {
        if (this.routes.delete(tile)) route.events.failed(error, false)
      },
    )
  }

  private sessionStarted(): void {
    for (const [tile, route] of [...this.routes]) {
      if (!route.asked) this.ask(tile, route)
      else if (this.routes.delete(tile)) route.events.failed(null, true)
    }
  }

  private message(message: WireMessage): void {
    const route = this.routes.get(message.tile)
    if (route === undefined) {
      if (isPictureKind(message.kind)) this.connection.credit(message.tile, 1)
      return
    }
    if (message.kind === KIND_CONFIG) {
      const config = readConfig(message.payload)
      if (config !== null) route.events.config(config)
    } else if (message.kind === KIND_STATE) {
      const state = readState(message.payload)
      if (state?.phase === 'idle') route.events.end()
      else if (state?.phase === 'failed' && this.routes.delete(message.tile)) {
        route.events.failed({ code: state.code ?? 'internal', detail: state.detail ?? '' }, state.code === 'cancelled')
      }
    } else if (isPictureKind(message.kind)) route.events.unit(message)
  }
}
