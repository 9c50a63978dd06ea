import { afterEach, beforeEach, expect, it } from 'vitest'
import type { OpenReplay } from '@/api/generated'
import { FakeClock, settle } from '@/media/testing'
import type { DrawBackend } from './backend'
import { FakeCore } from './testing'
import { Ticker } from './ticker'
import { Wall, type TileView } from './wall'

const ASKED_US = 1_782_864_000_000_000
const S = 1_000_000

let clock: FakeClock
let core: FakeCore
let wall: Wall
let views: TileView[]
let frames: (() => void)[]
let mount: HTMLElement
let encoded: number[]

async function run(ms = 120): Promise<void> {
  await clock.advance(ms)
  for (const frame of frames.splice(0)) frame()
  await settle()
}

/** The one recording that plays. */
function replay(): OpenReplay {
  expect([...core.replays.values()]).toHaveLength(1)
  return [...core.replays.values()][0]!
}

beforeEach(() => {
  clock = new FakeClock()
  core = new FakeCore(clock)
  views = []
  frames = []
  encoded = []
  mount = document.body.appendChild(document.createElement('div'))
  Object.defineProperties(mount, { clientWidth: { value: 800 }, clientHeight: { value: 600 } })
  const backend: DrawBackend = {
    kind: 'webgl2', software: false, usable: true, dewarps: true, resize: () => undefined, upload: () => undefined, draw: () => true,
    clear: () => undefined, forget: () => undefined, destroy: () => undefined,
  }
  wall = new Wall({
    mount, rpc: core.rpc, hardDecoding: true, layout: 4, onViews: (v) => { views = v }, onPage: () => undefined,
    environment: {
      clock,
      encode: (picture) => {
        encoded.push(picture.width)
        return Promise.resolve(new Blob(['jpeg']))
      },
      connection: { openSocket: core.openSocket, fetch: () => new Promise(() => undefined), random: () => 0 },
      renderer: { requestFrame: (f) => frames.push(f), cancelFrame: () => undefined, createBackend: () => backend },
    },
  })
  wall.setChannels([1, 2].map((channel) => ({ device: 'd', channel, name: `Camera ${channel}`, hasSub: true })))
})
afterEach(() => {
  wall.destroy()
  mount.remove()
})

it('plays in one window what its device recorded, and says when that was', async () => {
  await run()
  expect(core.list).toEqual(['1sub', '2sub'])
  wall.setReplay(0, ASKED_US + 0.25)
  await run()
  expect(core.list, 'the other goes on').toEqual(['2sub'])
  expect(replay()).toMatchObject({ device: 'd', channel: 1, fromUs: ASKED_US, delivery: 'encoded' })
  expect(views[0]!.replay).toEqual({ askedMs: ASKED_US / 1000, atMs: null })
  expect(views[1]!.replay).toBeNull()
  core.config(replay().tile, { profile: 'main', recordedUs: ASKED_US + 20 * S })
  core.picture(replay().tile, 2, 3 * S)
  await run()
  expect(views[0]).toMatchObject({ phase: 'playing', replay: { atMs: (ASKED_US + 23 * S) / 1000 } })
  expect(wall.recorded(0)).toEqual({ fromUs: ASKED_US + 23 * S, session: expect.any(String) as string, tile: replay().tile })
  expect(wall.recorded(1), 'is live').toBeNull()
  wall.setReplay(0, null)
  await run()
  expect([core.list, core.replays.size, views[0]!.replay]).toEqual([['1sub', '2sub'], 0, null])
})

it('takes full pictures of what is on screen, until another moment is wanted', async () => {
  wall.setReplay(0, ASKED_US)
  await run()
  expect(await wall.capturing(3)(1), 'an empty window').toEqual([])
  core.config(replay().tile, { profile: 'main', recordedUs: ASKED_US })
  const taking = wall.capturing(0)(2)
  core.picture(replay().tile, 2, S)
  await run()
  core.picture(replay().tile, 2, S + 250_000)
  await run()
  const [first, second] = await taking
  expect([first?.atUs, second?.atUs]).toEqual([ASKED_US + S, ASKED_US + S + 250_000])
  expect(encoded, 'the pictures themselves').toEqual([2, 2])
  const late = wall.capturing(0)
  const cut = late(2)
  wall.setReplay(0, ASKED_US + 60 * S)
  expect(await cut).toEqual([])
  expect(await late(2), 'another moment').toEqual([])
  const other = wall.capturing(1)
  wall.setChannels([null, { device: 'd', channel: 3, name: 'Camera 3', hasSub: true }])
  expect(await other(1), 'another camera is there').toEqual([])
})

it('goes on where it was after a pause, a page of its own and the background', async () => {
  wall.setReplay(0, ASKED_US)
  await run()
  expect(wall.recorded(0), 'nothing is on screen yet').toBeNull()
  core.config(replay().tile, { profile: 'main', recordedUs: ASKED_US })
  core.picture(replay().tile, 2, 90 * S)
  await run()
  const at = { fromUs: ASKED_US + 90 * S }
  wall.setPaused(0, true)
  await run()
  expect(core.replays.size).toBe(0)
  expect(wall.recorded(0), 'nothing plays').toBeNull()
  wall.setPaused(0, false)
  await run()
  expect(replay()).toMatchObject(at)
  wall.leave()
  await run()
  wall.comeBack()
  await run()
  expect([...core.replays.values()].at(-1)).toMatchObject(at)
  // Another moment, while it is paused: it plays.
  wall.setPaused(0, true)
  wall.setReplay(0, ASKED_US + 30 * S)
  await run()
  expect([...core.replays.values()].at(-1)).toMatchObject({ fromUs: ASKED_US + 30 * S })
})

it('is not fetched where bytes cost, and is no sub stream in disguise', async () => {
  wall.setReplay(0, ASKED_US)
  wall.setThrift('sub')
  await run()
  expect([core.replays.size, core.list]).toEqual([0, ['2sub']])
  expect(views[0]!.phase).toBe('paused')
  wall.setThrift('all')
  await run()
  expect(replay().fromUs).toBe(ASKED_US)
  wall.enlarge(0)
  await run()
  expect(core.list.filter((one) => one.startsWith('1')), 'no live stream beside it').toEqual([])
})

it('ticks evenly while it is on, and says how late it was', async () => {
  const late: number[] = []
  const ticker = new Ticker(clock, 250, (ms) => late.push(ms))
  ticker.set(true)
  ticker.set(true)
  await clock.advance(760)
  expect(late).toEqual([0, 0, 0])
  ticker.set(false)
  await clock.advance(1000)
  expect(late).toHaveLength(3)
})
