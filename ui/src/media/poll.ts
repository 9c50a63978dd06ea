/** The media session over long polls: the carrier that works wherever the page itself was loaded from. */
import type { Carrier, CarrierSetup, Credit, Loss } from './carrier'

/** What is used of `fetch`. There is no abort: aborting a custom-scheme request has crashed web views. */
export type Fetch = (url: string) => Promise<{ status: number; arrayBuffer(): Promise<ArrayBuffer> }>

const WAIT_MS = 1000
const GRACE_MS = 2000
/** Requests in a row that were given up before the carrier counts as lost. */
const MAX_ABANDONED = 3

interface Request {
  abandonTimer: number
  state: 'outstanding' | 'abandoned'
}

export class PollCarrier implements Carrier {
  /** The one that waits for media. */
  private main: Request | null = null
  /** Carries credits while `main` waits: the core may be silent only because it has none. */
  private side: Request | null = null
  private credits = new Map<number, number>()
  private abandoned = 0
  private isOpen = false
  private isClosed = false
  private readonly setup: CarrierSetup
  private readonly fetch: Fetch

  constructor(setup: CarrierSetup, fetch: Fetch) {
    this.setup = setup
    this.fetch = fetch
  }

  start(): void {
    this.pump()
  }

  credit(credits: Credit[]): boolean {
    if (this.isClosed) return false
    for (const [tile, count] of credits) this.credits.set(tile, (this.credits.get(tile) ?? 0) + count)
    this.pump()
    return true
  }

  close(): Credit[] {
    this.shut()
    const unsent = [...this.credits]
    this.credits.clear()
    return unsent
  }

  private shut(): void {
    this.isClosed = true
    for (const request of [this.main, this.side]) if (request) this.setup.clock.clear(request.abandonTimer)
    this.main = this.side = null
  }

  private pump(): void {
    if (this.isClosed) return
    if (this.main === null) {
      this.main = this.request(WAIT_MS, () => {
        this.main = null
      })
    } else if (this.side === null && this.credits.size > 0) {
      this.side = this.request(0, () => {
        this.side = null
      })
    }
  }

  private request(waitMs: number, done: () => void): Request {
    const { url, session, after, clock } = this.setup
    // Credits leave the list here and never come back: a repeated poll must not send them again.
    const credit = [...this.credits].map(([tile, count]) => `${tile}:${count}`).join(',')
    this.credits.clear()
    const query = `session=${encodeURIComponent(session)}&after=${after()}&wait=${waitMs}${credit ? `&credit=${credit}` : ''}`
    const request: Request = {
      state: 'outstanding',
      abandonTimer: clock.set(() => {
        request.state = 'abandoned'
        done()
        if (++this.abandoned >= MAX_ABANDONED) this.fail('lost')
        else this.pump()
      }, waitMs + GRACE_MS),
    }
    const settle = (): boolean => {
      if (this.isClosed) return false
      if (request.state === 'outstanding') {
        clock.clear(request.abandonTimer)
        done()
      }
      return true
    }
    this.fetch(`${url}${url.includes('?') ? '&' : '?'}${query}`)
      .then(async (response) => ({ status: response.status, body: response.status === 200 ? await response.arrayBuffer() : null }))
      .then(
        ({ status, body }) => {
          if (!settle()) return
          if (status === 404) return this.fail('unknownSession')
          // What an abandoned request brings late is still good: messages that came meanwhile are known by their seq.
          if (body === null) return request.state === 'outstanding' ? this.fail('lost') : undefined
          this.abandoned = 0
          if (!this.isOpen) {
            this.isOpen = true
            this.setup.events.opened()
          }
          if (body.byteLength > 0) this.setup.events.data(body)
          this.pump()
        },
        () => {
          if (settle() && request.state === 'outstanding') this.fail('lost')
        },
      )
    return request
  }

  private fail(loss: Loss): void {
    if (this.isClosed) return
    this.shut()
    this.setup.events.closed(loss)
  }
}
