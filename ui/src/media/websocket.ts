/** The media session over one WebSocket. */
import type { Carrier, CarrierSetup, Credit } from './carrier'

/** What is used of a WebSocket. */
export interface Socket {
  binaryType: BinaryType
  readonly readyState: number
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onerror: ((event: Event) => void) | null
  send(text: string): void
  close(): void
}
export type OpenSocket = (url: string) => Socket

/** WebSocket.OPEN, which a page without WebSocket cannot name. */
const STATE_OPEN = 1
const OPEN_TIMEOUT_MS = 1000
const CLOSE_UNKNOWN_SESSION = 4401
const CLOSE_WRONG_ORIGIN = 4403

export class WebSocketCarrier implements Carrier {
  private socket: Socket | null = null
  private isOpen = false
  private openTimer: number | null = null
  private acked: number
  private readonly setup: CarrierSetup
  private readonly open: OpenSocket

  constructor(setup: CarrierSetup, open: OpenSocket) {
    this.setup = setup
    this.open = open
    this.acked = setup.after()
  }

  start(): void {
    const { url, session, after, clock, events } = this.setup
    const query = `session=${encodeURIComponent(session)}&after=${after()}`
    let socket: Socket
    try {
      socket = this.open(`${url}${url.includes('?') ? '&' : '?'}${query}`)
    } catch {
      // A content security policy, or a page where insecure sockets are blocked. Later, so that the caller is done.
      this.openTimer = clock.set(() => this.fail('refused'), 0)
      return
    }
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    this.openTimer = clock.set(() => this.fail('lost'), OPEN_TIMEOUT_MS)
    socket.onopen = () => {
      if (this.openTimer !== null) clock.clear(this.openTimer)
      this.openTimer = null
      this.isOpen = true
      events.opened()
    }
    socket.onmessage = (event: MessageEvent) => {
      const data: unknown = event.data
      if (data instanceof ArrayBuffer) events.data(data)
    }
    socket.onclose = (event: CloseEvent) => {
      if (event.code === CLOSE_UNKNOWN_SESSION) this.fail('unknownSession')
      else this.fail(event.code === CLOSE_WRONG_ORIGIN ? 'refused' : 'lost')
    }
    // A close event follows; without a listener some engines log the error as unhandled.
    socket.onerror = () => undefined
  }

  credit(credits: Credit[]): boolean {
    const ack = this.setup.after()
    // A socket that is going down takes what it is given and loses it, and says so on the console.
    if (!this.isOpen || this.socket?.readyState !== STATE_OPEN) return false
    if (credits.length === 0 && ack === this.acked) return true
    this.acked = ack
    this.socket.send(JSON.stringify({ credit: credits, ack }))
    return true
  }

  close(): Credit[] {
    this.shut()
    return []
  }

  private shut(): void {
    if (this.openTimer !== null) this.setup.clock.clear(this.openTimer)
    this.openTimer = null
    this.isOpen = false
    const socket = this.socket
    this.socket = null
    if (socket === null) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private fail(loss: 'lost' | 'refused' | 'unknownSession'): void {
    this.shut()
    this.setup.events.closed(loss)
  }
}
