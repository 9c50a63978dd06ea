import { beforeEach, describe, expect, it } from 'vitest'
import type { MediaEndpoint } from '@/api/generated'
import { MediaConnection } from './carrier'
import { concat, FakeClock, message, settle } from './testing'
import type { Socket } from './websocket'

class FakeSocket implements Socket {
  binaryType: BinaryType = 'blob'
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  sent: { credit: [number, number][]; ack: number }[] = []
  closed = false
  readyState = 1
  readonly url: URL
  constructor(url: string) {
    this.url = new URL(url)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as { credit: [number, number][]; ack: number })
  }
  close(): void {
    this.closed = true
  }
  open(): void {
    this.onopen?.(new Event('open'))
  }
  data(...seqs: number[]): void {
    this.onmessage?.({ data: batch(...seqs) } as MessageEvent)
  }
  kill(code = 1006): void {
    this.onclose?.({ code } as CloseEvent)
  }
}

const batch = (...seqs: number[]): ArrayBuffer => concat(seqs.map((seq) => message({ seq, tile: 3 })))

interface Poll {
  url: URL
  reply(status: number, body?: ArrayBuffer): void
  fail(): void
}

let clock: FakeClock
let sockets: FakeSocket[]
let polls: Poll[]
let log: string[]
let connects: number
let connectFails: boolean
let wsUrl: string | null
let connection: MediaConnection

beforeEach(() => {
  clock = new FakeClock()
  sockets = []
  polls = []
  log = []
  connects = 0
  connectFails = false
  wsUrl = 'ws://127.0.0.1:9/media'
  connection = new MediaConnection(
    {
      connect: (): Promise<MediaEndpoint> => {
        connects++
        return connectFails ? Promise.reject(new Error('no')) : Promise.resolve({ session: `s${connects}`, wsUrl, pollUrl: 'http://poll/p' })
      },
      openSocket: (url) => {
        const socket = new FakeSocket(url)
        sockets.push(socket)
        return socket
      },
      fetch: (url) => new Promise((resolve, reject) => {
        polls.push({
          url: new URL(url),
          reply: (status, body = new ArrayBuffer(0)) => resolve({ status, arrayBuffer: () => Promise.resolve(body) }),
          fail: () => reject(new TypeError('failed')),
        })
      }),
      clock,
      random: () => 1,
    },
    {
      session: (id) => log.push(`session ${id}`),
      message: (m) => log.push(`${m.seq}`),
      gap: () => log.push('gap'),
      carrier: (name) => log.push(name ?? 'none'),
    },
  )
})

async function startSocket(): Promise<FakeSocket> {
  connection.start()
  await settle()
  sockets[0]!.open()
  return sockets[0]!
}

async function startPoll(): Promise<void> {
  wsUrl = null
  connection.start()
  await settle()
}

describe('over a WebSocket', () => {
  it('names the session and takes whole batches', async () => {
    const socket = await startSocket()
    expect(socket.binaryType).toBe('arraybuffer')
    expect(Object.fromEntries(socket.url.searchParams)).toEqual({ session: 's1', after: '0' })
    socket.data(1, 2)
    expect(log).toEqual(['session s1', 'websocket', '1', '2'])
    expect(polls).toEqual([])
  })

  it('collects credits for a frame and sends what was handled with them', async () => {
    const socket = await startSocket()
    socket.data(1, 2)
    connection.credit(3, 1)
    connection.credit(4, 2)
    connection.credit(3, 1)
    await clock.advance(15)
    expect(socket.sent).toEqual([])
    await clock.advance(1)
    expect(socket.sent).toEqual([{ credit: [[3, 2], [4, 2]], ack: 2 }])
    await clock.advance(1000)
    expect(socket.sent).toHaveLength(1)
  })

  it('acknowledges without credits too, once', async () => {
    const socket = await startSocket()
    socket.data(1)
    await clock.advance(1000)
    expect(socket.sent).toEqual([{ credit: [], ack: 1 }])
  })

  it('resumes the session after the last seq, at once, and skips what it has', async () => {
    const socket = await startSocket()
    socket.data(1, 2)
    socket.kill()
    connection.credit(3, 2)
    await clock.advance(20)
    expect(sockets).toHaveLength(2)
    expect(sockets[1]!.url.searchParams.get('after')).toBe('2')
    expect(connects).toBe(1)
    sockets[1]!.open()
    sockets[1]!.data(2, 3)
    expect(log.slice(-3)).toEqual(['none', 'websocket', '3'])
    await clock.advance(200)
    expect(sockets[1]!.sent).toEqual([{ credit: [[3, 2]], ack: 3 }])
  })

  it('keeps credits that a closing socket would lose', async () => {
    const socket = await startSocket()
    socket.data(1)
    socket.readyState = 2
    connection.credit(3, 1)
    await clock.advance(100)
    expect(socket.sent).toEqual([])
    socket.kill()
    await clock.advance(0)
    sockets[1]!.open()
    await clock.advance(16)
    expect(sockets[1]!.sent).toEqual([{ credit: [[3, 1]], ack: 1 }])
  })

  it('tells of a gap', async () => {
    const socket = await startSocket()
    socket.data(1, 5)
    expect(log.slice(-3)).toEqual(['1', 'gap', '5'])
  })

  it('counts over the end of seq without a gap', async () => {
    const socket = await startSocket()
    socket.data(0x7fffffff)
    socket.data(0xfffffffe, 0xffffffff, 0, 1)
    expect(log.slice(-5)).toEqual(['gap', '4294967294', '4294967295', '0', '1'])
  })

  it('connects anew when the session is unknown and drops its credits', async () => {
    const socket = await startSocket()
    socket.data(1, 2)
    connection.credit(3, 2)
    socket.kill(4401)
    await clock.advance(0)
    expect(connection.session).toBe('s2')
    sockets[1]!.open()
    expect(sockets[1]!.url.searchParams.get('after')).toBe('0')
    sockets[1]!.data(1)
    expect(log.slice(-4)).toEqual(['none', 'session s2', 'websocket', '1'])
    await clock.advance(500)
    expect(sockets[1]!.sent).toEqual([{ credit: [], ack: 1 }])
  })

  it('treats an unreadable batch as a broken carrier', async () => {
    const socket = await startSocket()
    socket.onmessage?.({ data: new ArrayBuffer(5) } as MessageEvent)
    expect(socket.closed).toBe(true)
    await clock.advance(0)
    expect(sockets).toHaveLength(2)
  })
})

describe('falling back', () => {
  it('polls when the socket does not open within a second, and stays there', async () => {
    connection.start()
    await clock.advance(999)
    expect(polls).toHaveLength(0)
    await clock.advance(1)
    expect(sockets[0]!.closed).toBe(true)
    expect(polls).toHaveLength(1)
    polls[0]!.reply(200, batch(1))
    await settle()
    expect(log).toEqual(['session s1', 'poll', '1'])
    polls[1]!.fail()
    await clock.advance(10_000)
    expect(sockets).toHaveLength(1)
  })

  it('gives the socket its next chance with a new session', async () => {
    connection.start()
    await clock.advance(1000)
    polls[0]!.reply(404)
    await clock.advance(0)
    expect(connects).toBe(2)
    expect(sockets).toHaveLength(2)
  })

  it('polls at once when the origin is refused', async () => {
    const socket = await startSocket()
    socket.kill(4403)
    expect(polls).toHaveLength(1)
  })

  it('polls when resuming by socket fails twice', async () => {
    const socket = await startSocket()
    socket.data(1)
    socket.kill()
    await clock.advance(0)
    sockets[1]!.kill()
    await clock.advance(1300)
    expect(sockets).toHaveLength(3)
    expect(polls).toHaveLength(1)
    expect(polls[0]!.url.searchParams.get('after')).toBe('1')
  })
})

describe('over long polls', () => {
  it('keeps one request outstanding and asks after what it has', async () => {
    await startPoll()
    expect(polls[0]!.url.search).toBe('?session=s1&after=0&wait=1000')
    await clock.advance(900)
    expect(polls).toHaveLength(1)
    polls[0]!.reply(200, batch(1, 2))
    await settle()
    expect(polls).toHaveLength(2)
    expect(polls[1]!.url.searchParams.get('after')).toBe('2')
    polls[1]!.reply(200)
    await settle()
    expect(polls[2]!.url.searchParams.get('after')).toBe('2')
  })

  it('brings credits by a second request while the first waits, never by a third', async () => {
    await startPoll()
    polls[0]!.reply(200, batch(1))
    await settle()
    connection.credit(3, 1)
    await clock.advance(16)
    expect(polls[2]!.url.search).toBe('?session=s1&after=1&wait=0&credit=3:1')
    connection.credit(3, 1)
    await clock.advance(16)
    expect(polls).toHaveLength(3)
    polls[2]!.reply(200)
    await settle()
    expect(polls[3]!.url.searchParams.get('credit')).toBe('3:1')
  })

  it('hands credits that were not sent to the next request after a failure', async () => {
    await startPoll()
    polls[0]!.reply(200, batch(1))
    await settle()
    connection.credit(3, 1)
    await clock.advance(16)
    connection.credit(3, 2)
    await clock.advance(16)
    polls[1]!.fail()
    await clock.advance(20)
    expect(polls.slice(3).map((p) => p.url.searchParams.get('credit'))).toEqual([null])
    polls[3]!.reply(200)
    await clock.advance(20)
    expect(polls[4]!.url.searchParams.get('credit') ?? polls[5]!.url.searchParams.get('credit')).toBe('3:2')
  })

  it('takes what both requests bring once', async () => {
    await startPoll()
    polls[0]!.reply(200, batch(1))
    await settle()
    connection.credit(3, 1)
    await clock.advance(16)
    polls[2]!.reply(200, batch(2, 3))
    polls[1]!.reply(200, batch(2, 3, 4))
    await settle()
    expect(log).toEqual(['session s1', 'poll', '1', '2', '3', '4'])
  })

  it('abandons a request after its wait and two seconds and repeats it without credits', async () => {
    await startPoll()
    polls[0]!.reply(200, batch(1))
    await settle()
    connection.credit(3, 1)
    await clock.advance(2999)
    polls[2]!.reply(200)
    await clock.advance(0)
    expect(polls).toHaveLength(3)
    await clock.advance(1)
    expect(polls[3]!.url.search).toBe('?session=s1&after=1&wait=1000')
    polls[3]!.reply(200, batch(2))
    await settle()
    // The abandoned one comes back after all.
    polls[1]!.reply(200, batch(2, 3))
    await settle()
    expect(log.slice(-2)).toEqual(['2', '3'])
  })

  it('backs off, longer each time, and at once on a hint', async () => {
    await startPoll()
    const delays: number[] = []
    for (let i = 0; i < 5; i++) {
      const before = clock.ms
      polls.at(-1)!.fail()
      await settle()
      const count = polls.length
      while (polls.length === count) await clock.advance(10)
      delays.push(clock.ms - before)
    }
    expect(delays).toEqual([10, 250, 500, 1000, 2000])
    polls.at(-1)!.fail()
    await settle()
    const count = polls.length
    connection.hint()
    expect(polls).toHaveLength(count + 1)
  })

  it('makes a new session when its own is unknown', async () => {
    await startPoll()
    polls[0]!.reply(404)
    await clock.advance(0)
    expect(polls.at(-1)!.url.searchParams.get('session')).toBe('s2')
    expect(log).toEqual(['session s1', 'session s2'])
  })
})

describe('connecting', () => {
  it('tries again later when there is no session', async () => {
    connectFails = true
    connection.start()
    await clock.advance(1000)
    expect(connects).toBe(4) // 0, 0, 250 and 750 ms
    connectFails = false
    connection.hint()
    await settle()
    expect(log).toEqual(['session s5'])
  })

  it('does nothing after close', async () => {
    const socket = await startSocket()
    socket.data(1)
    socket.kill()
    connection.close()
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
    expect([sockets.length, connects, connection.session]).toEqual([1, 1, null])
  })
})
