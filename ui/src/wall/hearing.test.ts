/** Who is heard: one window at most, on the wire as in the room. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ListenTile, OpenTile, RpcSchema } from '@/api/generated'
import type { SoundView } from '@/media/sound/player'
import type { Speaker } from '@/media/sound/speaker'
import { concat, FakeClock, message, settle, type MessageFields } from '@/media/testing'
import type { Socket } from '@/media/websocket'
import type { Rpc } from './streams'
import { Wall, type WallChannel } from './wall'

const clock = new FakeClock()
let open: Map<number, OpenTile>
let asked: string[]
let heard: { name: string | null; view: SoundView }
let socket: Socket
let seq: number
let played: number
let wall: Wall

const rpc: Rpc = async <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request']): Promise<RpcSchema[K]['response']> => {
  const answer = (value: unknown): RpcSchema[K]['response'] => value as RpcSchema[K]['response']
  if (name === 'live.connect') return answer({ session: 's', wsUrl: 'ws://core/', pollUrl: '/poll' })
  const { tile } = request as { tile: number }
  if (name === 'live.open') open.set(tile, request as OpenTile)
  if (name === 'live.close') open.delete(tile)
  const of = open.get(tile)
  if (name === 'live.listen') asked.push(`listen ${of?.channel}${of?.profile} ${(request as ListenTile).formats.join()}`)
  if (name === 'live.mute') asked.push(`mute ${of?.channel}${of?.profile}`)
  return answer({})
}
const speaker: Speaker = {
  rate: 48_000, running: true, now: () => clock.ms / 1000, latency: () => 0, play: () => { played++ }, silence: () => undefined,
  open: () => undefined, close: () => undefined,
}
const send = (fields: MessageFields): void => socket.onmessage?.({ data: concat([message({ ...fields, seq: ++seq })]) } as MessageEvent)
const wireOf = (channel: number, profile = 'sub'): number =>
  [...open.values()].find((t) => t.channel === channel && t.profile === profile)?.tile ?? -1
const channels = (n: number): WallChannel[] => Array.from({ length: n }, (_, i) => ({ device: 'd', channel: i + 1, name: `Camera ${i + 1}`, hasSub: true }))
async function run(ms = 60): Promise<void> {
  await clock.advance(ms)
  await settle()
}
/** Its sound comes: the state, and a run of it. */
function speaks(channel: number, profile = 'sub'): void {
  const tile = wireOf(channel, profile)
  send({ kind: 5, tile, json: { phase: 'playing', coding: 'PCM', format: 'pcm', sampleRate: 8000, channels: 1, code: null, detail: null } })
  send({ kind: 6, tile, payload: new Array<number>(320).fill(3) })
}

beforeEach(async () => {
  open = new Map()
  asked = []
  seq = played = 0
  const mount = document.createElement('div')
  Object.defineProperties(mount, { clientWidth: { value: 800 }, clientHeight: { value: 600 } })
  wall = new Wall({
    mount, rpc, hardDecoding: false, layout: 4, onViews: () => undefined, onPage: () => undefined,
    onSound: (channel, view) => { heard = { name: channel?.name ?? null, view } },
    environment: {
      clock, speaker, soundFormats: () => Promise.resolve(['aac']),
      connection: {
        openSocket: () => {
          socket = { binaryType: 'blob', readyState: 1, onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined }
          queueMicrotask(() => socket.onopen?.(new Event('open')))
          return socket
        },
        fetch: () => new Promise(() => undefined),
        random: () => 0,
      },
      renderer: {
        requestFrame: () => 0, cancelFrame: () => undefined,
        createBackend: () => ({
          kind: 'webgl2', software: false, usable: true, dewarps: true, resize: () => undefined, upload: () => undefined, draw: () => true,
          clear: () => undefined, forget: () => undefined, destroy: () => undefined,
        }),
      },
    },
  })
  wall.setChannels(channels(6))
  await run()
})
afterEach(() => wall.destroy())

it('asks for no sound until somebody listens, and plays none that comes unasked', async () => {
  speaks(1)
  await run()
  expect([asked, played, heard.name, heard.view.phase]).toEqual([[], 0, null, 'off'])
})

it('hears one window at a time', async () => {
  wall.listen(0)
  await run()
  expect(asked).toEqual(['listen 1sub aac'])
  speaks(1)
  await run(5)
  expect([played, heard.name, heard.view.phase]).toEqual([1, 'Camera 1', 'playing'])
  wall.listen(1)
  await run()
  expect(asked.slice(1)).toEqual(['mute 1sub', 'listen 2sub aac'])
  speaks(1)
  await run(5)
  expect([played, heard.name, heard.view.phase]).toEqual([1, 'Camera 2', 'connecting'])
  wall.listen(null)
  await run()
  expect(asked.slice(3)).toEqual(['mute 2sub'])
  expect([heard.name, heard.view.phase]).toEqual([null, 'off'])
})

it('stays with its window when that moves, and ends when it leaves the screen', async () => {
  wall.listen(0)
  await run()
  const [one, two, ...rest] = channels(6)
  wall.setChannels([two!, one!, ...rest])
  await run()
  expect([asked, heard.name]).toEqual([['listen 1sub aac'], 'Camera 1'])
  wall.setPage(1)
  await run()
  expect(heard).toMatchObject({ name: null, view: { phase: 'off' } })
  expect(asked.at(-1)).toBe('mute 1sub')
})

it('ends with its window, and pauses while the page is hidden', async () => {
  wall.listen(0)
  await run()
  wall.setActive(false)
  await run()
  expect(heard).toMatchObject({ name: 'Camera 1', view: { phase: 'connecting' } })
  wall.setActive(true)
  await run()
  expect(asked).toEqual(['listen 1sub aac', 'listen 1sub aac'])
  wall.setChannels([null, ...channels(6).slice(1)])
  await run()
  expect(heard.name).toBeNull()
})
