/** The media session as the page sees it: whatever carries it, and however often that breaks. */
import type { MediaEndpoint } from '@/api/generated'
import type { Clock } from './clock'
import { PollCarrier, type Fetch } from './poll'
import { WebSocketCarrier, type OpenSocket } from './websocket'
import { isKnownKind, parseMessages, seqDistance, type WireMessage } from './wire'

/** Tile and count. */
export type Credit = [tile: number, count: number]

/** `refused`: this carrier will not work here at all; `unknownSession`: none will, with this session. */
export type Loss = 'lost' | 'refused' | 'unknownSession'

export interface CarrierEvents {
  /** The core answers. */
  opened(): void
  data(buffer: ArrayBuffer): void
  /** Once, and nothing after it. Not called by `close()`. */
  closed(loss: Loss): void
}

export interface Carrier {
  start(): void
  /**
   * Sends credits, and what has been handled where the carrier does not tell that by itself. False when it cannot; the
   * credits then wait for the next carrier.
   */
  credit(credits: Credit[]): boolean
  /** Returns the credits it took and has not sent. */
  close(): Credit[]
}

export interface CarrierSetup {
  url: string
  session: string
  /** The last `seq` handled. */
  after(): number
  clock: Clock
  events: CarrierEvents
}

export interface ConnectionSetup {
  connect(): Promise<MediaEndpoint>
  /** Null where the page has no WebSocket. */
  openSocket: OpenSocket | null
  fetch: Fetch
  clock: Clock
  /** [0, 1) */
  random(): number
}

/** The ways of the page itself. */
export const pageConnection = (): Pick<ConnectionSetup, 'openSocket' | 'fetch' | 'random'> => ({
  openSocket: typeof WebSocket === 'undefined' ? null : (url) => new WebSocket(url),
  fetch: (url) => fetch(url, { cache: 'no-store' }),
  random: Math.random,
})

export interface ConnectionEvents {
  /** A new session: nothing is open in it yet. */
  session(id: string): void
  message(message: WireMessage): void
  /** Messages are missing: every tile goes on at its next random access point. */
  gap(): void
  /** What the media travels on; null while it does not. */
  carrier(name: 'websocket' | 'poll' | null): void
}

const CREDIT_INTERVAL_MS = 16
const ACK_INTERVAL_MS = 200
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 8000
/** Socket resumes that may fail before the session goes on by polling. */
const SOCKET_RESUMES = 2
/** Unreadable batches in a row before the session is given up. */
const BAD_BATCHES = 3

export class MediaConnection {
  private endpoint: MediaEndpoint | null = null
  private carrier: Carrier | null = null
  private carrierName: 'websocket' | 'poll' | null = null
  /** Grows with every carrier and session, so that late answers are known as such. */
  private generation = 0
  private lastSeq = 0
  private useSocket = true
  private socketHasOpened = false
  private socketFailures = 0
  private badBatches = 0
  private attempt = 0
  private retryTimer: number | null = null
  private retryNow: (() => void) | null = null
  private credits = new Map<number, number>()
  private flushTimer: number | null = null
  private flushAt = 0
  private closed = false
  private readonly setup: ConnectionSetup
  private readonly events: ConnectionEvents

  constructor(setup: ConnectionSetup, events: ConnectionEvents) {
    this.setup = setup
    this.events = events
  }

  get session(): string | null {
    return this.endpoint?.session ?? null
  }

  start(): void {
    this.newSession()
  }

  /** Gives credits of a tile back; they travel together once per frame. */
  credit(tile: number, count: number): void {
    if (count <= 0 || this.endpoint === null) return
    this.credits.set(tile, (this.credits.get(tile) ?? 0) + count)
    this.scheduleFlush(CREDIT_INTERVAL_MS)
  }

  /** The network changed or came back: whoever waits tries now. */
  hint(): void {
    const run = this.retryNow
    if (run === null) return
    this.attempt = 0
    this.clearRetry()
    run()
  }

  close(): void {
    this.closed = true
    this.generation++
    this.dropCarrier()
    this.clearRetry()
    if (this.flushTimer !== null) this.setup.clock.clear(this.flushTimer)
    this.flushTimer = null
    this.endpoint = null
  }

  private newSession(): void {
    const generation = ++this.generation
    this.dropCarrier()
    this.endpoint = null
    this.lastSeq = 0
    this.credits.clear()
    this.setup.connect().then(
      (endpoint) => {
        if (generation !== this.generation) return
        this.endpoint = endpoint
        // A fresh session is the one moment at which a socket that failed before gets its next chance.
        this.useSocket = endpoint.wsUrl !== null && this.setup.openSocket !== null
        this.socketHasOpened = false
        this.socketFailures = 0
        this.badBatches = 0
        this.openCarrier()
        this.events.session(endpoint.session)
      },
      () => {
        if (generation === this.generation) this.retry(() => this.newSession())
      },
    )
  }

  private openCarrier(): void {
    const endpoint = this.endpoint
    if (endpoint === null) return
    const generation = ++this.generation
    this.dropCarrier()
    const { clock, openSocket, fetch } = this.setup
    const name = this.useSocket && openSocket !== null && endpoint.wsUrl !== null ? 'websocket' : 'poll'
    const current = (): boolean => generation === this.generation
    const setup: CarrierSetup = {
      url: name === 'websocket' ? endpoint.wsUrl ?? '' : endpoint.pollUrl,
      session: endpoint.session,
      after: () => this.lastSeq,
      clock,
      events: {
        opened: () => {
          if (!current()) return
          if (name === 'websocket') {
            this.socketHasOpened = true
            this.socketFailures = 0
          }
          this.carrierName = name
          if (this.credits.size > 0) this.scheduleFlush(CREDIT_INTERVAL_MS)
          this.events.carrier(name)
        },
        data: (buffer) => {
          if (current()) this.handle(buffer)
        },
        closed: (loss) => {
          if (current()) this.carrierClosed(name, loss)
        },
      },
    }
    this.carrier = name === 'websocket' && openSocket !== null
      ? new WebSocketCarrier(setup, openSocket)
      : new PollCarrier(setup, fetch)
    this.carrier.start()
  }

  private carrierClosed(name: 'websocket' | 'poll', loss: Loss): void {
    const wasOpen = this.carrierName !== null
    this.dropCarrier()
    if (loss === 'unknownSession') {
      this.retry(() => this.newSession())
      return
    }
    if (name === 'websocket') {
      if (!wasOpen) this.socketFailures++
      if (loss === 'refused' || !this.socketHasOpened || this.socketFailures >= SOCKET_RESUMES) {
        // The other carrier has not failed yet, so there is nothing to wait for.
        this.useSocket = false
        this.openCarrier()
        return
      }
    }
    this.retry(() => this.openCarrier())
  }

  private handle(buffer: ArrayBuffer): void {
    let messages: WireMessage[]
    try {
      messages = parseMessages(buffer)
    } catch {
      this.dropCarrier()
      this.badBatches++
      this.retry(this.badBatches >= BAD_BATCHES ? () => this.newSession() : () => this.openCarrier())
      return
    }
    const generation = this.generation
    for (const message of messages) {
      const distance = seqDistance(this.lastSeq, message.seq)
      // A resume and a repeated poll give again what we may already have.
      if (distance <= 0) continue
      this.lastSeq = message.seq
      if (distance > 1) this.events.gap()
      if (isKnownKind(message.kind)) this.events.message(message)
      if (generation !== this.generation) return
    }
    if (messages.length > 0) {
      this.attempt = 0
      this.badBatches = 0
      this.scheduleFlush(ACK_INTERVAL_MS)
    }
  }

  private scheduleFlush(ms: number): void {
    const { clock } = this.setup
    const at = clock.now() + ms
    if (this.flushTimer !== null) {
      if (this.flushAt <= at) return
      clock.clear(this.flushTimer)
    }
    this.flushAt = at
    this.flushTimer = clock.set(() => {
      this.flushTimer = null
      // Without a carrier they wait here; the next carrier of this session takes them.
      if (this.carrierName === null || this.carrier === null) return
      if (this.carrier.credit([...this.credits])) this.credits.clear()
    }, ms)
  }

  private dropCarrier(): void {
    for (const [tile, count] of this.carrier?.close() ?? []) this.credits.set(tile, (this.credits.get(tile) ?? 0) + count)
    this.carrier = null
    if (this.carrierName !== null) {
      this.carrierName = null
      this.events.carrier(null)
    }
  }

  /** Runs at once the first time after something worked, later and later from then on. */
  private retry(run: () => void): void {
    this.generation++
    this.clearRetry()
    if (this.closed) return
    const attempt = this.attempt++
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1))
    const ms = attempt === 0 ? 0 : ceiling * (0.5 + 0.5 * this.setup.random())
    this.retryNow = run
    this.retryTimer = this.setup.clock.set(() => {
      this.clearRetry()
      run()
    }, ms)
  }

  private clearRetry(): void {
    if (this.retryTimer !== null) this.setup.clock.clear(this.retryTimer)
    this.retryTimer = null
    this.retryNow = null
  }
}
