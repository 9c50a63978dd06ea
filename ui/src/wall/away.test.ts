/** The wall in the background: nothing decodes, nothing is held, and what comes back comes in the right order. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { OpenTile, Presence, RpcSchema } from '@/api/generated'
import type { Picture, Sink, SinkEvents } from '@/media/sinks/sink'
import { concat, FakeClock, message, settle } from '@/media/testing'
import type { Socket } from '@/media/websocket'
import type { DrawBackend } from './backend'
import type { Rpc } from './streams'
import { Wall, type TileView } from './wall'

let clock: FakeClock
let calls: { name: string; request: unknown; outlives: boolean }[]
let hold: Promise<void>
let socket: Socket
let seq: number
let sinks: { open: boolean; events: SinkEvents }[]
let frames: (() => void)[]
let drawn: number[]
let greyed: number[]
let restored: () => void
let held: Set<Picture>
let views: TileView[]
let wall: Wall

const rpc: Rpc = async <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request'], outlives = false) => {
  calls.push({ name, request, outlives })
  if (name === 'live.presence') await hold
  return (name === 'live.connect' ? { session: 's', wsUrl: 'ws://core/', pollUrl: '/poll' } : {}) as RpcSchema[K]['response']
}
const opened = (): OpenTile[] => calls.filter(({ name }) => name === 'live.open').map(({ request }) => request as OpenTile)
const presence = (): Presence[] => calls.filter(({ name }) => name === 'live.presence').map(({ request }) => request as Presence)

async function run(ms = 120): Promise<void> {
  await clock.advance(ms)
  for (const frame of frames.splice(0)) frame()
  await settle()
}

function picture(at: number): void {
  const one: Picture = {
    kind: 'planes', width: 2, height: 2, y: new Uint8Array(4), u: new Uint8Array(1), v: new Uint8Array(1), matrix: 'bt601', fullRange: false,
    arrivalUs: clock.utc() * 1000, ptsUs: 0, close: () => held.delete(one),
  }
  held.add(one)
  sinks[at]!.events.picture(one)
}

function config(tile: number): void {
  const json = { codec: 'avc1.64001f', delivery: 'encoded', width: 2, height: 2, frameRate: 25, reorderFrames: 0, matrix: 'bt601', fullRange: false, transport: 'tcp', profile: 'sub' }
  socket.onmessage?.({ data: concat([message({ kind: 1, tile, seq: ++seq, json })]) } as MessageEvent)
}

beforeEach(async () => {
  clock = new FakeClock()
  ;[calls, sinks, frames, drawn, greyed, views] = [[], [], [], [], [], []]
  held = new Set()
  hold = Promise.resolve()
  seq = 0
  const mount = document.createElement('div')
  Object.defineProperties(mount, { clientWidth: { value: 800 }, clientHeight: { value: 450 } })
  const backend: DrawBackend = {
    kind: 'webgl2', software: false, usable: true, dewarps: true, resize: () => undefined, upload: (tile) => drawn.push(tile),
    draw: (tile, _, grey) => (grey && greyed.push(tile), true), clear: () => undefined, forget: () => undefined, destroy: () => undefined,
  }
  wall = new Wall({
    mount, rpc, hardDecoding: true, layout: 4, onViews: (v) => { views = v }, onPage: () => undefined,
    environment: {
      clock,
      connection: {
        openSocket: () => {
          socket = { binaryType: 'blob', readyState: 1, onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined }
          queueMicrotask(() => socket.onopen?.(new Event('open')))
          return socket
        },
        fetch: () => new Promise(() => undefined), random: () => 0,
      },
      canDecode: () => Promise.resolve(true),
      createSink: (_, events) => {
        const own = { open: true, events }
        sinks.push(own)
        const sink: Sink = { path: 'webcodecs', queue: 0, waitMs: () => 0, feed: () => undefined, reset: () => undefined, close: () => { own.open = false } }
        return sink
      },
      renderer: {
        requestFrame: (f) => frames.push(f), cancelFrame: () => undefined,
        createBackend: (_, again) => {
          restored = again
          return backend
        },
      },
    },
  })
  wall.setChannels([1, 2, 3, 4].map((channel) => ({ device: 'd', channel, name: `Camera ${channel}`, hasSub: true })))
  await run()
  for (const { tile } of opened()) config(tile)
  for (let at = 0; at < 4; at++) picture(at)
  await run()
})

describe('the wall in the background', () => {
  it('closes every decoder and every picture that waits, at once and with one word to the core', async () => {
    expect([sinks.length, drawn.length, views[0]!.phase]).toEqual([4, 4, 'playing'])
    picture(0)
    picture(1)
    expect(held.size).toBe(2)
    wall.leave()
    // Nothing of this may wait: the page may be frozen as soon as the event is over.
    expect(sinks.filter(({ open }) => open)).toEqual([])
    expect(held.size).toBe(0)
    expect(presence()).toEqual([{ session: 's', present: false, turn: 1 }])
    expect(calls.at(-1)!.outlives).toBe(true)
    picture(0)
    expect(held.size, 'of a decoder that was closing').toBe(0)
    await run(60_000)
    expect(calls.filter(({ name }) => name === 'live.close')).toEqual([])
    expect(clock.pending, 'no timer wakes the machine').toBe(0)
    expect(views.every(({ hasPicture, phase }) => hasPicture && phase === 'paused')).toBe(true)
  })

  it('comes back with the last pictures, grey and with their age, and the focused window first', async () => {
    wall.select(2)
    wall.leave()
    await run(60_000)
    calls.length = 0
    wall.comeBack()
    await run()
    expect(presence()).toEqual([{ session: 's', present: true, turn: 2 }])
    expect(opened().map(({ channel }) => channel)).toEqual([3, 1, 2, 4])
    expect(views[0]).toMatchObject({ phase: 'connecting', hasPicture: true })
    expect(views[0]!.ageMs).toBeGreaterThan(60_000)
    expect(new Set(greyed).size).toBe(4)
  })

  it('opens nothing before the core knows, nor what was given up meanwhile', async () => {
    let release = (): void => undefined
    hold = new Promise((resolve) => { release = resolve })
    wall.leave()
    wall.comeBack()
    await run()
    expect(opened()).toHaveLength(4)
    wall.leave()
    release()
    await run()
    expect(opened(), 'the word of the first return is old').toHaveLength(4)
    wall.comeBack()
    await run()
    expect(opened()).toHaveLength(8)
    expect(presence().map(({ present, turn }) => [present, turn])).toEqual([[false, 1], [true, 2], [false, 3], [true, 4]])
  })

  it('opens nothing for windows that change in the background', async () => {
    wall.leave()
    wall.setChannels([5, 6].map((channel) => ({ device: 'd', channel, name: `Camera ${channel}`, hasSub: true })))
    wall.setActive(false)
    wall.setActive(true)
    await run()
    expect(opened()).toHaveLength(4)
    wall.comeBack()
    await run()
    expect(opened().slice(4).map(({ channel }) => channel)).toEqual([5, 6])
  })

  it('knows that a canvas whose memory was taken shows nothing', async () => {
    wall.leave()
    restored()
    await run()
    expect(views.every(({ hasPicture }) => !hasPicture)).toBe(true)
  })
})
