import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { QualityMode } from '@/media/jitter'
import { FakeClock, settle } from '@/media/testing'
import type { DrawBackend } from './backend'
import { startOf } from './fisheye'
import { PLAIN } from './look'
import { FakeCore } from './testing'
import { Wall, type TileView, type WallChannel, type WallOptions } from './wall'
import type { Zoom } from './zoom'

let clock: FakeClock
let core: FakeCore
let wall: Wall
let views: TileView[]
let emitted: number
let pages: string[]
let drawn: string[]
let frames: (() => void)[]
let mount: HTMLElement
/** How each window was drawn last. */
const zooms = new Map<number, Zoom>()

const channels = (n: number, hasSub = true): WallChannel[] =>
  Array.from({ length: n }, (_, i) => ({ device: 'd', channel: i + 1, name: `Camera ${i + 1}`, hasSub }))

/** Lets promises, timers and one animation frame run. */
async function run(ms = 120): Promise<void> {
  await clock.advance(ms)
  for (const frame of frames.splice(0)) frame()
  await settle()
}

function make(layout: 1 | 4 | 9 | 16 = 4, hardDecoding = true, more: Partial<WallOptions> = {}): void {
  zooms.clear()
  const backend: DrawBackend = {
    kind: 'webgl2', software: false, usable: true, dewarps: true,
    resize: () => undefined, upload: (tile, picture) => drawn.push(`${tile}:${picture.width}`),
    draw: (tile, _, grey, __, zoom) => (zoom && zooms.set(tile, zoom), grey && drawn.push(`${tile}:grey`), true),
    clear: () => undefined, forget: (tile) => drawn.push(`${tile}:forgot`), destroy: () => undefined,
  }
  wall = new Wall({
    mount, rpc: core.rpc, hardDecoding, layout,
    onViews: (v) => { views = v; emitted++ },
    onPage: (page, of) => pages.push(`${page}/${of}`),
    ...more,
    environment: {
      clock,
      connection: { openSocket: core.openSocket, fetch: () => new Promise(() => undefined), random: () => 0 },
      renderer: { requestFrame: (f) => frames.push(f), cancelFrame: () => undefined, createBackend: () => backend },
    },
  })
}

beforeEach(() => {
  clock = new FakeClock()
  core = new FakeCore(clock)
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
    const first = wall.stats()[0]!.firstPresentedAt
    expect(first).toBe(clock.now())
    core.picture(core.wire(1), 4)
    await run(250)
    expect(wall.stats()[0]).toMatchObject({ presented: 2, firstPresentedAt: first })
    await run(3100)
    expect([views[0]!.phase, drawn.at(-1)]).toEqual(['stale', '1:grey'])
    core.send({ kind: 4, tile: core.wire(1), json: { phase: 'backoff', code: 'unreachable', detail: 'x', retryInMs: 5000, attempt: 2 } })
    await settle()
    expect(views[0]).toMatchObject({ phase: 'backoff', code: 'unreachable', retryAtMs: clock.utc() + 5000 })
    core.send({ kind: 4, tile: core.wire(1), json: { phase: 'connecting', code: 'unreachable', detail: 'x', retryInMs: null, attempt: 3 } })
    await settle()
    expect(views[0], 'why it is opened anew').toMatchObject({ phase: 'stale', code: 'unreachable', attempt: 3, retryAtMs: null })
  })

  it('holds pictures as long as the quality mode of their channel says', async () => {
    const modes: QualityMode[] = ['fluent', 'realTime']
    make(4, true, { qualityOf: ({ channel }) => ({ mode: modes[channel - 1]!, delayMs: 400 }) })
    wall.setChannels(channels(2))
    await run()
    const show = async (channel: number, pts: number[]): Promise<void> => {
      for (const ptsUs of pts) core.send({ kind: 3, tile: core.wire(channel), ptsUs, arrivalUs: clock.utc() * 1000, payload: [2, 0, 2, 0, 1, 2, 3, 4, 5, 6] })
      await run(40)
    }
    core.config(core.wire(1))
    core.config(core.wire(2))
    await show(1, [0])
    await show(2, [0])
    await show(1, [80_000])
    await show(2, [80_000])
    const counts = (): number[] => wall.stats().map(({ presented }) => presented)
    expect(counts()).toEqual([1, 2])
    expect(views[0]).toMatchObject({ quality: 'fluent', delayMs: 400 })
    expect(views[1]).toMatchObject({ quality: 'realTime', delayMs: 0 })
    await run(300)
    expect(counts()).toEqual([1, 2])
    await run(100)
    expect(counts()).toEqual([2, 2])
    expect(wall.stats()[0]!.lagMs).toBeGreaterThanOrEqual(400)
    // Another mode lets go of what is held, at once.
    await show(1, [300_000])
    expect(counts()).toEqual([2, 2])
    modes[0] = 'realTime'
    wall.refreshQuality()
    await run(0)
    expect(counts()).toEqual([3, 2])
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

  it('zoomed, a window gets its main stream; whole again, the sub stream is back', async () => {
    make()
    wall.setChannels(channels(4))
    await run()
    for (const channel of [1, 2, 3, 4]) await playing(channel)
    wall.zoomBy(1, 2)
    await run()
    expect(core.list).toEqual(['1sub', '2main', '2sub', '3sub', '4sub'])
    expect(views.map((v) => v.zoom)).toEqual([1, 2, 1, 1])
    await playing(2, 'main', 4)
    expect(views[1]).toMatchObject({ profile: 'main', width: 4, enlarged: false })
    wall.zoomBy(1, 100)
    await run()
    expect(wall.zoomOf(1)).toBe(8)
    wall.resetZoom(1)
    core.picture(core.wire(2), 2)
    await run()
    expect(core.list).toEqual(['1sub', '2sub', '3sub', '4sub'])
    expect(views[1]).toMatchObject({ profile: 'sub', zoom: 1 })
  })

  it('whoever comes back to a window sees all of it; enlarging and layouts keep the zoom', async () => {
    make()
    wall.setChannels(channels(8))
    await run()
    await playing(1)
    wall.zoomBy(0, 3)
    wall.enlarge(0)
    await run()
    expect(zooms.get(1)).toMatchObject({ scale: 3 })
    wall.enlarge(null)
    expect(wall.zoomOf(0)).toBe(3)
    wall.setPage(1)
    expect(wall.zoomOf(0)).toBe(1)
    wall.setPage(0)
    await run()
    expect(zooms.get(1)).toEqual({ scale: 1, x: 0.5, y: 0.5 })
  })

  it('a window looks as its channel did last, also after moving up; a straightened one has its own shape', async () => {
    const turned = { ...PLAIN, turn: 90 as const }
    make(1, true, { lookOf: (channel) => (channel.channel === 2 ? turned : PLAIN) })
    wall.setChannels(channels(2))
    await run()
    wall.setPage(1)
    await run()
    core.config(core.wire(2))
    const bytes = new Uint8Array(4 + 16 * 9 * 1.5)
    bytes[0] = 16
    bytes[2] = 8
    core.send({ kind: 3, tile: core.wire(2), arrivalUs: 1, payload: bytes.subarray(0, 4 + 16 * 8 * 1.5) })
    await run()
    expect(wall.pictureBox(1)).toMatchObject({ width: 300, height: 600 })
    wall.setChannels(channels(2).slice(1))
    await run()
    expect(wall.pictureBox(0)).toMatchObject({ width: 300, height: 600 })
    wall.setLook(0, { ...PLAIN, fisheye: startOf('ceiling', 'double') })
    await run()
    expect(wall.pictureBox(0)).toMatchObject({ width: 675, height: 600 })
  })

  it('tells of a view turned with keys, and pans only where there is more', async () => {
    const told: unknown[] = []
    make(1, true, { onLook: (channel, look) => told.push([channel.channel, look.fisheye?.pan]) })
    wall.setChannels(channels(1))
    await run()
    await playing(1)
    expect(wall.panBy(0, 1, 0)).toBe(false)
    wall.setLook(0, { ...PLAIN, fisheye: startOf('ceiling', 'panorama') })
    expect(wall.panBy(0, 1, 0)).toBe(true)
    expect(told).toEqual([[1, 45]])
    wall.setLook(0, { ...PLAIN, fisheye: startOf('wall', 'eptz') })
    wall.zoomBy(0, 2)
    await run()
    expect(views[0]!.zoom).toBe(2)
    wall.resetZoom(0)
    expect(wall.zoomOf(0)).toBe(1)
  })

  it('a zoomed window that is picked up keeps its part of the picture', async () => {
    const point = (type: string, x: number): void => {
      const event = new Event(type, { bubbles: true })
      const fields = { clientX: x, clientY: 200, pointerId: 1, pointerType: 'touch', button: 0, isPrimary: true }
      for (const [name, value] of Object.entries(fields)) Object.defineProperty(event, name, { value })
      mount.dispatchEvent(event)
    }
    let lifts = true
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    make(4, true, { carry: { lift: () => lifts, move: () => undefined, drop: () => undefined, cancel: () => undefined } })
    wall.setChannels(channels(4))
    await run()
    await playing(1)
    wall.zoomBy(0, 4)
    const dragged = async (): Promise<number | undefined> => {
      point('pointerdown', 200)
      vi.advanceTimersByTime(600)
      point('pointermove', 150)
      point('pointerup', 150)
      await run()
      return zooms.get(1)?.x
    }
    await run()
    expect(await dragged()).toBe(0.5)
    lifts = false
    expect(await dragged()).toBeGreaterThan(0.5)
    vi.useRealTimers()
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

describe('the choice of streams', () => {
  const known = (n: number, subWidth: number): WallChannel[] => channels(n).map((one) => ({ ...one, subWidth }))

  it('HD plays the main stream in the grid, and the sub stream until it is there', async () => {
    make()
    wall.setChannels(channels(2))
    await run()
    await playing(1)
    wall.setChoices((channel) => (channel.channel === 1 ? 'hd' : 'auto'))
    await run()
    expect(core.list).toEqual(['1main', '1sub', '2sub'])
    await playing(1, 'main', 4)
    await run()
    expect(core.list).toEqual(['1main', '2sub'])
    expect(views[0]).toMatchObject({ profile: 'main', width: 4 })
    // Bytes that cost are spared all the same.
    wall.setThrift('sub')
    await run()
    expect(core.list).toEqual(['1main', '1sub', '2sub'])
    await playing(1)
    await run()
    expect(core.list).toEqual(['1sub', '2sub'])
  })

  it('fluent stays with the sub stream, enlarged and zoomed too', async () => {
    make()
    wall.setChoices(() => 'fluent')
    wall.setChannels(channels(2))
    await run()
    await playing(1)
    wall.enlarge(0)
    wall.zoomBy(0, 3)
    await run(9000)
    expect(core.list).toEqual(['1sub'])
    wall.setChoices(() => 'auto')
    await run()
    expect(core.list).toEqual(['1main', '1sub'])
  })

  it('fluent on a camera with one stream plays that', async () => {
    make()
    wall.setChoices(() => 'fluent')
    wall.setChannels(channels(1, false))
    await run()
    expect(core.list).toEqual(['1main'])
    wall.enlarge(0)
    await run(9000)
    expect(core.list).toEqual(['1main'])
  })

  it('left to the wall it goes by the real pixels of the picture', async () => {
    make(1)
    wall.setChannels(known(1, 352))
    await run()
    expect(core.list).toEqual(['1main'])
    wall.setLayout(4)
    await run(9000)
    expect(core.list).toEqual(['1sub'])
    wall.destroy()
    core = new FakeCore(clock)
    vi.stubGlobal('devicePixelRatio', 2)
    make(4)
    wall.setChannels(known(4, 352))
    await run()
    vi.unstubAllGlobals()
    expect(core.list).toEqual(['1main', '2main', '3main', '4main'])
  })
})
