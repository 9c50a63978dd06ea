import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenTile, RpcSchema, StreamConfig } from '@/api/generated'
import { concat, FakeClock, message, settle, type MessageFields } from '@/media/testing'
import type { Socket } from '@/media/websocket'
import type { DrawBackend } from './backend'
import type { Rpc } from './streams'
import { Wall, type TileView, type WallChannel } from './wall'

/** The core behind the wall: remembers what is open and can send to it. */
class FakeCore {
  calls: string[] = []
  open = new Map<number, OpenTile>()
  sockets: (Socket & { sent: string[] })[] = []
  gate: Promise<void> = Promise.resolve()
  refuse: { code: string; detail: string } | null = null
  private seq = 0
  private sessions = 0

  rpc: Rpc = async <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request']): Promise<RpcSchema[K]['response']> => {
    if (name === 'live.open') await this.gate
    this.calls.push(name)
    const answer = (value: unknown): RpcSchema[K]['response'] => value as RpcSchema[K]['response']
    if (name === 'live.connect') {
      this.open.clear()
      this.seq = 0
      return answer({ session: `s${++this.sessions}`, wsUrl: 'ws://core/', pollUrl: '/poll' })
    }
    if (name === 'live.open') {
      if (this.refuse !== null) throw this.refuse
      const tile = request as OpenTile
      this.open.set(tile.tile, tile)
    }
    if (name === 'live.close') this.open.delete((request as { tile: number }).tile)
    return answer({})
  }

  openSocket = (): Socket => {
    const socket = { binaryType: 'blob' as BinaryType, readyState: 1, onopen: null, onmessage: null, onclose: null, onerror: null, sent: [] as string[], send(text: string) { this.sent.push(text) }, close: () => undefined }
    this.sockets.push(socket)
    queueMicrotask(() => (socket as Socket).onopen?.(new Event('open')))
    return socket
  }

  send(fields: MessageFields): void {
    this.sockets.at(-1)?.onmessage?.({ data: concat([message({ ...fields, seq: ++this.seq })]) } as MessageEvent)
  }

  /** The wire number under which a stream is open; fails the test when it is not. */
  wire(channel: number, profile: 'main' | 'sub' = 'sub'): number {
    const found = [...this.open.values()].filter((t) => t.channel === channel && t.profile === profile)
    expect(found, `channel ${channel} ${profile}`).toHaveLength(1)
    return found[0]!.tile
  }
  get list(): string[] {
    return [...this.open.values()].map((t) => `${t.channel}${t.profile}`).sort()
  }
  config(tile: number, more: Partial<StreamConfig> = {}): void {
    this.send({ kind: 1, tile, json: { codec: 'avc1.64001f', delivery: 'pictures', width: 2, height: 2, frameRate: 25, reorderFrames: 0, matrix: 'bt601', fullRange: false, transport: 'tcp', profile: 'sub', ...more } })
  }
  picture(tile: number, size = 2): void {
    const bytes = new Uint8Array(4 + size * size * 1.5)
    bytes[0] = bytes[2] = size
    this.send({ kind: 3, tile, arrivalUs: clock.utc() * 1000 - 30_000, payload: bytes })
  }
}

let clock: FakeClock
let core: FakeCore
let wall: Wall
let views: TileView[]
let emitted: number
let pages: string[]
let drawn: string[]
let frames: (() => void)[]
let mount: HTMLElement

const channels = (n: number, hasSub = true): WallChannel[] =>
  Array.from({ length: n }, (_, i) => ({ device: 'd', channel: i + 1, name: `Camera ${i + 1}`, hasSub }))

/** Lets promises, timers and one animation frame run. */
async function run(ms = 120): Promise<void> {
  await clock.advance(ms)
  for (const frame of frames.splice(0)) frame()
  await settle()
}

function make(layout: 1 | 4 | 9 | 16 = 4, hardDecoding = true): void {
  const backend: DrawBackend = {
    kind: 'webgl2', software: false, usable: true,
    resize: () => undefined, upload: (tile, picture) => drawn.push(`${tile}:${picture.width}`),
    draw: (tile, _, grey) => (grey && drawn.push(`${tile}:grey`), true),
    clear: () => undefined, forget: (tile) => drawn.push(`${tile}:forgot`), destroy: () => undefined,
  }
  wall = new Wall({
    mount, rpc: core.rpc, hardDecoding, layout,
    onViews: (v) => { views = v; emitted++ },
    onPage: (page, of) => pages.push(`${page}/${of}`),
    environment: {
      clock,
      connection: { openSocket: core.openSocket, fetch: () => new Promise(() => undefined), random: () => 0 },
      renderer: { requestFrame: (f) => frames.push(f), cancelFrame: () => undefined, createBackend: () => backend },
    },
  })
}

beforeEach(() => {
  clock = new FakeClock()
  core = new FakeCore()
  views = []
  emitted = 0
  pages = []
  drawn = []
  frames = []
  mount = document.body.appendChild(document.createElement('div'))
  Object.defineProperties(mount, { clientWidth: { value: 800 }, clientHeight: { value: 600 } })
})
afterEach(() => {
  wall.destroy()
  mount.remove()
})

async function playing(channel: number, profile: 'main' | 'sub' = 'sub', size = 2): Promise<void> {
  core.config(core.wire(channel, profile), { profile })
  core.picture(core.wire(channel, profile), size)
  await run(10)
}

describe('wall', () => {
  it('asks for no session before there is something to show', async () => {
    make()
    await run()
    expect(core.calls).toEqual([])
    expect(views.map((v) => [v.index, v.phase])).toEqual([[0, 'empty'], [1, 'empty'], [2, 'empty'], [3, 'empty']])
  })

  it('opens the sub streams of the page only, and main where there is no sub', async () => {
    make()
    wall.setChannels([...channels(5), ...channels(6, false).slice(5)])
    await run()
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub'])
    expect(views.map((v) => v.visible)).toEqual([true, true, true, true, false, false])
    expect(views[1]!.rect).toEqual({ x: 401, y: 75, width: 399, height: 224 })
    wall.setPage(1)
    await run()
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub', '5sub', '6main']) // lingering
    await run(1500)
    expect(core.list).toEqual(['5sub', '6main'])
    expect(pages).toEqual(['0/1', '0/2', '1/2'])
    expect(views.filter((v) => v.phase === 'empty').map((v) => v.index)).toEqual([6, 7])
  })

  it('keeps streams over a swipe there and back', async () => {
    make()
    wall.setChannels(channels(8))
    await run()
    const wire = core.wire(1)
    wall.setPage(1)
    await run(500)
    wall.setPage(0)
    await run(3000)
    expect(core.wire(1)).toBe(wire)
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub'])
  })

  it('tells phases, ages and sizes, and counts what is presented', async () => {
    make()
    wall.setChannels(channels(2))
    await run()
    expect(views[0]).toMatchObject({ phase: 'connecting', hasPicture: false, ageMs: null })
    core.config(core.wire(1))
    core.picture(core.wire(1), 4)
    core.picture(core.wire(1), 4)
    await run(250)
    expect(views[0]).toMatchObject({ phase: 'playing', hasPicture: true, width: 4, transport: 'tcp', path: 'openh264', profile: 'sub' })
    expect(views[0]!.ageMs).toBe(280)
    expect(wall.stats()[0]).toMatchObject({ presented: 1, dropped: 1, ageMsP50: 280, codec: 'avc1.64001f' })
    expect(wall.stats()[0]!.firstFrameMs).toBeGreaterThan(0)
    await run(3100)
    expect([views[0]!.phase, drawn.at(-1)]).toEqual(['stale', '1:grey'])
    core.send({ kind: 4, tile: core.wire(1), json: { phase: 'backoff', code: 'unreachable', detail: 'x', retryInMs: 5000, attempt: 2 } })
    await settle()
    expect(views[0]).toMatchObject({ phase: 'backoff', code: 'unreachable', retryAtMs: clock.utc() + 5000 })
  })

  it('gives credits back once pictures are drawn', async () => {
    make()
    wall.setChannels(channels(1))
    await run()
    core.config(core.wire(1))
    core.picture(core.wire(1))
    await clock.advance(100)
    expect(core.sockets[0]!.sent).toEqual([])
    await run(0)
    await clock.advance(16)
    expect(JSON.parse(core.sockets[0]!.sent[0]!)).toEqual({ credit: [[core.wire(1), 1]], ack: 2 })
  })

  it('reports at most four times a second while nothing changes', async () => {
    make()
    wall.setChannels(channels(4))
    await run()
    for (let i = 1; i <= 4; i++) await playing(i)
    emitted = 0
    for (let i = 0; i < 20; i++) {
      core.picture(core.wire(1))
      await run(50)
    }
    expect(emitted).toBeGreaterThanOrEqual(3)
    expect(emitted).toBeLessThanOrEqual(4)
  })

  it('enlarges by showing sub until main comes, and back again without a gap', async () => {
    make()
    wall.setChannels(channels(4))
    await run()
    await playing(2)
    wall.enlarge(1)
    await run()
    expect(core.list).toEqual(['1sub', '2main', '2sub', '3sub', '4sub'])
    expect(views[1]).toMatchObject({ enlarged: true, selected: true, phase: 'playing', profile: 'sub', rect: { width: 600, height: 600 } })
    expect(views.filter((v) => v.visible)).toHaveLength(1)
    core.picture(core.wire(2))
    await run(10)
    await playing(2, 'main', 8)
    expect(views[1]).toMatchObject({ profile: 'main', width: 8 })
    core.picture(core.wire(2)) // sub plays on unseen
    await run(10)
    expect(drawn.filter((d) => d.startsWith('2:'))).toEqual(['2:2', '2:2', '2:8'])
    await run(8000)
    expect(core.list).toEqual(['2main', '2sub'])
    core.picture(core.wire(2, 'main'), 8)
    wall.enlarge(null)
    await run()
    expect(core.list).toContain('2main')
    expect(views[1]).toMatchObject({ enlarged: false, profile: 'main', hasPicture: true })
    core.picture(core.wire(2))
    await run()
    expect(views[1]).toMatchObject({ profile: 'sub', width: 2 })
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub'])
  })

  it('says why main does not come while sub plays on', async () => {
    make()
    wall.setChannels(channels(1))
    await run()
    await playing(1)
    wall.enlarge(0)
    await run(10)
    core.send({ kind: 4, tile: core.wire(1, 'main'), json: { phase: 'failed', code: 'tooManySessions', detail: null, retryInMs: null, attempt: 1 } })
    await settle()
    expect(views[0]).toMatchObject({ phase: 'playing', code: 'tooManySessions', profile: 'sub' })
  })

  it('re-opens everything as pictures when hard decoding is turned off', async () => {
    make()
    wall.setChannels(channels(2))
    await run()
    expect([...core.open.values()].map((t) => t.delivery)).toEqual(['encoded', 'encoded'])
    const before = core.wire(1)
    wall.setHardDecoding(false)
    await run()
    expect([...core.open.values()].map((t) => t.delivery)).toEqual(['pictures', 'pictures'])
    expect(core.wire(1)).not.toBe(before)
  })

  it('closes streams but not the session while inactive, and keeps the picture', async () => {
    make()
    wall.setChannels(channels(1))
    await run()
    await playing(1)
    wall.setActive(false)
    await run()
    expect(core.list).toEqual([])
    expect(views[0]).toMatchObject({ phase: 'paused', hasPicture: true })
    expect(drawn).not.toContain('1:forgot')
    wall.setActive(true)
    await run()
    expect(core.list).toEqual(['1sub'])
    expect(core.calls.filter((c) => c === 'live.connect')).toHaveLength(1)
  })

  it('opens everything anew in a new session', async () => {
    make()
    wall.setChannels(channels(2))
    await run()
    core.sockets[0]!.onclose?.({ code: 4401 } as CloseEvent)
    await run()
    expect(core.list).toEqual(['1sub', '2sub'])
    await playing(1)
    expect(views[0]!.phase).toBe('playing')
  })

  it('shows a refused opening and opens again on retry', async () => {
    make()
    core.refuse = { code: 'notFound', detail: 'no such device' }
    wall.setChannels(channels(1))
    await run()
    expect(views[0]).toMatchObject({ phase: 'failed', code: 'notFound', detail: 'no such device' })
    core.refuse = null
    wall.retry(0)
    await run()
    expect(core.list).toEqual(['1sub'])
    expect(views[0]).toMatchObject({ phase: 'connecting', code: null })
    core.send({ kind: 4, tile: core.wire(1), json: { phase: 'failed', code: 'wrongPassword', detail: null, retryInMs: null, attempt: 1 } })
    wall.retry(0)
    await run()
    expect(core.calls.at(-1)).toBe('live.retry')
  })

  it('starts over when credits were lost and the core waits for them', async () => {
    make()
    wall.setChannels(channels(1))
    await run()
    await playing(1)
    const before = core.wire(1)
    core.send({ kind: 4, tile: before, json: { phase: 'playing', code: null, detail: null, retryInMs: null, attempt: 0 } })
    await run(10_900)
    expect(core.wire(1)).toBe(before)
    await run(500)
    expect(core.wire(1)).not.toBe(before)
  })

  it('lets windows move up with their streams when a channel goes', async () => {
    make()
    wall.setChannels(channels(3))
    await run()
    await playing(2)
    const wire = core.wire(2)
    wall.setChannels(channels(3).slice(1))
    await run()
    expect(core.list).toEqual(['2sub', '3sub'])
    expect(core.wire(2)).toBe(wire)
    expect(drawn).toContain('1:forgot')
    expect(views[0]).toMatchObject({ index: 0, phase: 'playing', channel: { channel: 2 } })
  })

  it('keeps streams and pictures while windows change places, over empty ones and pages', async () => {
    make()
    const [a, b, c] = channels(3)
    wall.setChannels([a!, b!, c!])
    await run()
    await playing(1)
    const wire = core.wire(1)
    wall.setChannels([null, b!, a!, c!])
    await run()
    expect(core.wire(1)).toBe(wire)
    expect(drawn).not.toContain('1:forgot')
    const shown = [...views].sort((x, y) => x.index - y.index).map((v) => [v.index, v.channel?.channel ?? null, v.phase])
    expect(shown).toEqual([[0, null, 'empty'], [1, 2, 'connecting'], [2, 1, 'playing'], [3, 3, 'connecting']])
    wall.enlarge(0)
    await run()
    expect(views.some((v) => v.enlarged)).toBe(false)
    wall.enlarge(2)
    await run()
    expect(views.find((v) => v.enlarged)?.channel?.channel).toBe(1)
    wall.enlarge(null)
    wall.setChannels([null, b!, null, null, null, a!])
    await run()
    expect(pages.at(-1)).toBe('0/2')
    wall.setPage(1)
    await run(0)
    expect(views.find((v) => v.index === 5)).toMatchObject({ visible: true, phase: 'playing' })
    expect(core.wire(1)).toBe(wire)
    wall.select(5)
    wall.setChannels([a!, b!])
    await run()
    expect(views.some((v) => v.selected)).toBe(false)
  })

  it('pauses one window or all, keeps the picture, and plays on', async () => {
    make()
    wall.setChannels(channels(6))
    await run()
    await playing(1)
    wall.setPaused(0, true)
    await run()
    expect(core.list).toEqual(['2sub', '3sub', '4sub'])
    expect(views[0]).toMatchObject({ phase: 'paused', hasPicture: true })
    wall.setActive(false)
    wall.setActive(true)
    wall.setHardDecoding(false)
    await run()
    expect(core.list).toEqual(['2sub', '3sub', '4sub'])
    wall.setPaused(0, false)
    await run()
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub'])
    expect(views[0]!.phase).not.toBe('paused')
    wall.setPaused(null, true)
    wall.setPage(1)
    await run(2000)
    expect(core.list).toEqual([])
    expect(views[4]!.phase).toBe('paused')
    wall.setPaused(null, false)
    await run()
    expect(core.list).toEqual(['5sub', '6sub'])
  })

  it('never lets a close overtake its opening', async () => {
    make()
    let release = (): void => undefined
    core.gate = new Promise((resolve) => { release = resolve })
    wall.setChannels(channels(1))
    await run()
    wall.setChannels([])
    await run()
    expect(core.calls).not.toContain('live.close')
    release()
    await run()
    expect(core.calls.slice(-2)).toEqual(['live.open', 'live.close'])
    expect(core.list).toEqual([])
  })

  it('keeps the place when the layout changes', async () => {
    make()
    wall.setChannels(channels(20))
    wall.setPage(2)
    wall.setLayout(1)
    await settle()
    expect(pages.at(-1)).toBe('8/20')
    wall.setLayout(9)
    expect(pages.at(-1)).toBe('0/3')
  })

  it('frees everything', async () => {
    make()
    wall.setChannels(channels(2))
    await run()
    expect(window.__bartizanWall).toBe(wall)
    wall.destroy()
    await settle()
    expect(core.calls.slice(-3).sort()).toEqual(['live.close', 'live.close', 'live.disconnect'])
    expect(mount.childElementCount).toBe(0)
    expect(clock.pending).toBe(0)
    expect(window.__bartizanWall).toBeUndefined()
  })
})
