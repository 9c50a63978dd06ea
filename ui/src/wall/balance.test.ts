/** The wall with its budget: what is asked of the core, what is told of a window, and what a person can say to it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OpenTile, RpcSchema, SetPace } from '@/api/generated'
import type { Sink, SinkEvents } from '@/media/sinks/sink'
import { concat, FakeClock, message, settle, type MessageFields } from '@/media/testing'
import type { Socket } from '@/media/websocket'
import type { DrawBackend } from './backend'
import type { Rpc } from './streams'
import { Wall, type TileView, type WallChannel } from './wall'

/** Minutes of a wall are played through, picture by picture. */
vi.setConfig({ testTimeout: 120_000 })

const FRAME_MS = 100

/** All decoders of the page together can do so many pictures a second; the rest waits. */
class Processor {
  perSecond = Infinity
  limit = Infinity
  sinks: FakeSink[] = []
  private left = 0

  work(ms: number): void {
    this.left = Math.min(this.left + (this.perSecond * ms) / 1000, Math.max(1, this.perSecond / 5))
    while (this.left >= 1) {
      const next = this.sinks.filter((sink) => sink.inside.length > 0).sort((a, b) => a.inside[0]! - b.inside[0]!)[0]
      if (next === undefined) break
      this.left--
      next.emit()
    }
  }
}

class FakeSink implements Sink {
  readonly path = 'webcodecs'
  inside: number[] = []
  private readonly events: SinkEvents
  private readonly processor: Processor
  constructor(events: SinkEvents, processor: Processor) {
    this.events = events
    this.processor = processor
    if (processor.sinks.length >= processor.limit) queueMicrotask(() => events.error('too many', 'refused', true))
    else processor.sinks.push(this)
  }
  get queue(): number {
    return this.inside.length
  }
  waitMs(now: number): number {
    return this.inside[0] === undefined ? 0 : now - this.inside[0]
  }
  feed(_: unknown, now: number): void {
    this.inside.push(now)
  }
  emit(): void {
    this.inside.shift()
    this.events.picture({ kind: 'planes', width: 640, height: 360, matrix: 'bt601', fullRange: false, arrivalUs: clock.utc() * 1000, ptsUs: 0, y: new Uint8Array(), u: new Uint8Array(), v: new Uint8Array(), close: () => undefined })
    this.events.released(1)
  }
  reset(): void {
    this.events.released(this.inside.length)
    this.inside = []
  }
  close(): void {
    this.reset()
    this.processor.sinks = this.processor.sinks.filter((sink) => sink !== this)
  }
}

let clock: FakeClock
let processor: Processor
let wall: Wall
let views: TileView[]
let frames: (() => void)[]
let mount: HTMLElement
let open: Map<number, OpenTile>
let paces: Map<number, string>
let refreshed: number[]
let socket: Socket | null
let seq: number

const rpc: Rpc = <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request']): Promise<RpcSchema[K]['response']> => {
  const answer = (value: unknown): Promise<RpcSchema[K]['response']> => Promise.resolve(value as RpcSchema[K]['response'])
  if (name === 'live.connect') return answer({ session: 's', wsUrl: 'ws://core/', pollUrl: '/poll' })
  if (name === 'live.open') {
    const tile = request as OpenTile
    open.set(tile.tile, tile)
    void Promise.resolve().then(() => send({
      kind: 1, tile: tile.tile,
      json: { codec: 'avc1.64001f', delivery: tile.delivery, width: 640, height: 360, frameRate: 10, reorderFrames: 0, matrix: 'bt601', fullRange: false, transport: 'tcp', profile: tile.profile },
    }))
  }
  if (name === 'live.close') open.delete((request as { tile: number }).tile)
  if (name === 'live.pace') paces.set((request as SetPace).tile, (request as SetPace).pace)
  if (name === 'live.refresh') refreshed.push((request as { tile: number }).tile)
  return answer({})
}

function send(fields: MessageFields): void {
  socket?.onmessage?.({ data: concat([message({ ...fields, seq: ++seq })]) } as MessageEvent)
}

/** Every open stream sends ten pictures a second, one of ten a random access point, at the pace that was asked for. */
async function run(ms: number): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end;) {
    const number = Math.round(clock.now() / FRAME_MS)
    for (const { tile, delivery } of open.values()) {
      const key = number % 10 === 0
      const pace = paces.get(tile) ?? 'full'
      if ((pace === 'keys' && !key) || (pace === 'stills' && number % 100 !== 0)) continue
      if (delivery === 'pictures') send({ kind: 3, tile, arrivalUs: clock.utc() * 1000, payload: [2, 0, 2, 0, 1, 2, 3, 4, 5, 6] })
      else send({ kind: 2, tile, flags: key ? 1 : 0, ptsUs: number, arrivalUs: clock.utc() * 1000, payload: [0] })
    }
    await clock.advance(FRAME_MS)
    processor.work(FRAME_MS)
    for (const frame of frames.splice(0)) frame()
  }
  await settle()
}

const channels = (n: number): WallChannel[] => Array.from({ length: n }, (_, i) => ({ device: 'd', channel: i + 1, name: `Camera ${i + 1}`, hasSub: true }))

beforeEach(() => {
  clock = new FakeClock()
  processor = new Processor()
  views = []
  frames = []
  open = new Map()
  paces = new Map()
  refreshed = []
  socket = null
  seq = 0
  mount = document.body.appendChild(document.createElement('div'))
  Object.defineProperties(mount, { clientWidth: { value: 800 }, clientHeight: { value: 600 } })
  const backend: DrawBackend = {
    kind: 'webgl2', software: false, usable: true, dewarps: true, resize: () => undefined, upload: () => undefined,
    draw: () => true, clear: () => undefined, forget: () => undefined, destroy: () => undefined,
  }
  wall = new Wall({
    mount, rpc, hardDecoding: true, layout: 9, onViews: (v) => { views = v }, onPage: () => undefined,
    environment: {
      clock,
      connection: {
        openSocket: () => {
          const made: Socket = { binaryType: 'arraybuffer', readyState: 1, onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined }
          socket = made
          queueMicrotask(() => made.onopen?.(new Event('open')))
          return made
        },
        fetch: () => new Promise(() => undefined), random: () => 0,
      },
      createSink: (config, events) => {
        if (config.delivery === 'encoded') return new FakeSink(events, processor)
        const soft: Sink = { path: 'openh264', queue: 0, waitMs: () => 0, feed: (m) => {
          events.picture({ kind: 'planes', width: 640, height: 360, matrix: 'bt601', fullRange: false, arrivalUs: m.arrivalUs, ptsUs: m.ptsUs, y: new Uint8Array(), u: new Uint8Array(), v: new Uint8Array(), close: () => events.released(1) })
        }, reset: () => undefined, close: () => undefined }
        return soft
      },
      canDecode: () => Promise.resolve(true),
      // The fake clock runs in jumps; how long drawings wait is the renderer's own test.
      renderer: { requestFrame: (f) => frames.push(f), cancelFrame: () => undefined, createBackend: () => backend, now: () => 0 },
    },
  })
  wall.setChannels(channels(9))
})
afterEach(() => {
  wall.destroy()
  mount.remove()
  vi.restoreAllMocks()
})

const rungs = (): string => views.filter((view) => view.visible).sort((a, b) => a.index - b.index).map((view) => view.budget?.rung[0] ?? '-').join('')

describe('a device that cannot do all of it', () => {
  it('is asked for nothing while it can', async () => {
    await run(8000)
    expect(rungs()).toBe('fffffffff')
    expect([...paces.values()]).toEqual([])
    expect(views[0]!.budget!.work).toMatchObject({ receivedFps: 10, decodedFps: 10, overruns: 0 })
    expect(views[0]!.budget!.work!.presentedFps).toBeCloseTo(10, 0)
  })
  it('gets key pictures at the edge from the core itself, and everything back when it can again', async () => {
    await run(3000)
    wall.select(4)
    processor.perSecond = 60
    await run(60_000)
    const kept = rungs()
    expect(kept).toMatch(/k/)
    expect(kept[4]).toBe('f')
    expect(views.every((view) => view.phase === 'playing')).toBe(true)
    expect([...paces.values()].filter((pace) => pace === 'keys').length).toBeGreaterThanOrEqual(3)
    const reduced = views.find((view) => view.budget?.rung === 'keys')!
    expect(reduced.budget!.work!.receivedFps).toBeLessThan(2)
    // And it keeps up now.
    expect(views.find((view) => view.index === 4)!.budget!.work!.waitMs).toBeLessThan(400)
    processor.perSecond = Infinity
    for (let i = 0; i < 40 && rungs() !== 'fffffffff'; i++) await run(10_000)
    await run(3000)
    expect(rungs()).toBe('fffffffff')
    expect(views.every((view) => (view.budget?.work?.receivedFps ?? 0) > 9)).toBe(true)
  })
  it('comes down to stills, whose windows still play', async () => {
    await run(3000)
    wall.select(4)
    processor.perSecond = 11
    await run(120_000)
    expect(rungs()).toMatch(/s/)
    expect(views.filter((view) => view.budget?.rung === 'stills').every((view) => view.phase === 'playing' || view.phase === 'waitingForKey')).toBe(true)
  })
  it('shows an enlarged window from its sub stream when even one main stream is too much', async () => {
    await run(3000)
    wall.enlarge(0)
    await run(2000)
    expect([...open.values()].map((tile) => tile.profile)).toContain('main')
    // Its main and its sub stream both run while it is enlarged.
    processor.perSecond = 12
    await run(20_000)
    const view = views.find((one) => one.enlarged)!
    expect([view.budget!.rung, view.profile]).toEqual(['sub', 'sub'])
    expect([...open.values()].map((tile) => tile.profile)).toEqual(['sub'])
  })
  it('keeps a window full for a person, and the others pay', async () => {
    await run(3000)
    processor.perSecond = 60
    await run(40_000)
    const index = views.find((view) => view.budget?.rung === 'keys')!.index
    wall.setKept(index, true)
    await run(60_000)
    const view = views.find((one) => one.index === index)!
    expect(view.budget).toMatchObject({ rung: 'full', kept: true })
    expect(rungs()).toMatch(/k/)
    wall.setKept(index, false)
    await run(1000)
    expect(views.find((one) => one.index === index)!.budget!.kept).toBe(false)
  })
})

describe('lost decoders', () => {
  it('beyond what the engine gives go to the core, and nobody goes without', async () => {
    processor.limit = 6
    await run(6000)
    expect(processor.sinks.length).toBeLessThanOrEqual(6)
    expect(views.map((view) => view.path).filter((path) => path === 'openh264')).toHaveLength(3)
    expect(views.every((view) => view.phase === 'playing')).toBe(true)
    const opened = Math.max(...open.keys())
    await run(20_000)
    expect(Math.max(...open.keys())).toBe(opened)
  })
  it('that are reclaimed ask for their group of pictures and teach no ceiling', async () => {
    await run(3000)
    for (const sink of [...processor.sinks]) sink['events'].error('reclaimed', 'reclaimed', true)
    await run(500)
    expect(refreshed).toHaveLength(9)
    await run(3000)
    expect(views.every((view) => view.phase === 'playing' && view.path === 'webcodecs')).toBe(true)
    expect(processor.sinks).toHaveLength(9)
  })
})
