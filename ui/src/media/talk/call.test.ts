import { beforeEach, expect, it } from 'vitest'
import { ApiError, type UiCode } from '@/api/client'
import type { RpcSchema } from '@/api/generated'
import { FakeClock, settle } from '../testing'
import { type CallView, TalkCall } from './call'
import { MicError, type MicEvents, type OpenMicrophone } from './microphone'

interface Asked {
  name: keyof RpcSchema
  request: unknown
  outlives: boolean
  answer: (value?: unknown) => void
  refuse: (code: UiCode) => void
}

const GATE = { device: 'd1', channel: 2, name: 'Gate' }
let asked: Asked[]
let views: CallView[]
let levels: number[]
let mic: { events: MicEvents | null; grant: () => void; refuse: (error: unknown) => void; open: number; closed: number; signal: AbortSignal | null; wanted: unknown }
let call: TalkCall

const names = (): string[] => asked.map(({ name }) => name)
const phases = (): string[] => views.map(({ phase }) => phase)
const frame = (value = 1000): Int16Array<ArrayBuffer> => new Int16Array(320).fill(value)
const say = (count = 1, value?: number): void => { for (let n = 0; n < count; n++) mic.events?.frame(frame(value)) }
const sent = (): Asked[] => asked.filter(({ name }) => name === 'talk.send')
const samples = ({ request }: Asked): Int16Array => {
  const bytes = Uint8Array.from(atob((request as { pcm: string }).pcm), (c) => c.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  return Int16Array.from({ length: bytes.length / 2 }, (_, n) => view.getInt16(2 * n, true))
}
const last = (): Asked => asked.at(-1)!

beforeEach(() => {
  asked = []
  views = []
  levels = []
  mic = { events: null, grant: () => undefined, refuse: () => undefined, open: 0, closed: 0, signal: null, wanted: null }
  const openMicrophone: OpenMicrophone = (options, events, signal) => new Promise((resolve, reject) => {
    Object.assign(mic, {
      events, signal, wanted: options, refuse: reject,
      grant: () => {
        mic.open++
        resolve({ close: () => { mic.closed++ } })
      },
    })
  })
  call = new TalkCall(GATE, {
    rpc: (name, request, outlives = false) => new Promise((resolve, reject) => {
      asked.push({
        name, request, outlives,
        answer: (value: unknown = {}) => resolve(value as never),
        refuse: (code) => reject(new ApiError(code, 'fake', null)),
      })
    }),
    clock: new FakeClock(), openMicrophone, noiseReduction: 3,
    changed: (view) => views.push(view), level: (level) => levels.push(level),
  })
})

async function talking(): Promise<void> {
  void call.start()
  mic.grant()
  await settle()
  last().answer({ talk: 't7', sampleRateHz: 8000, holdMs: 2000 })
  await settle()
  expect(call.view.phase).toBe('talking')
}

it('asks for the microphone, then calls, then talks', async () => {
  void call.start()
  await settle()
  expect(phases()).toEqual(['asking'])
  expect(names(), 'no camera is called before').toEqual([])
  expect(mic.wanted).toEqual({ sampleRateHz: 8000, noiseReduction: 3 })
  mic.grant()
  await settle()
  expect(phases()).toEqual(['asking', 'connecting'])
  expect(last()).toMatchObject({ name: 'talk.start', request: { device: 'd1', channel: 2 } })
  say(5)
  expect(names(), 'nothing is said before it is taken').toEqual(['talk.start'])
  last().answer({ talk: 't7', sampleRateHz: 8000, holdMs: 2000 })
  await settle()
  expect(views.at(-1)).toMatchObject({ phase: 'talking', sinceMs: new FakeClock().utc() })
  say(1, -2)
  expect(last()).toMatchObject({ name: 'talk.send', request: { talk: 't7' } })
  expect(samples(last())).toEqual(frame(-2))
  expect(levels.length).toBe(6)
  call.stop()
  expect(last()).toMatchObject({ name: 'talk.stop', request: { talk: 't7' }, outlives: true })
  expect([mic.open, mic.closed, call.view.phase]).toEqual([1, 1, 'ended'])
  say()
  call.stop()
  await settle()
  expect(names()).toEqual(['talk.start', 'talk.send', 'talk.stop'])
  expect(phases().at(-1)).toBe('ended')
})

it('stopped while it asks: no camera is called, and a microphone that comes later is closed', async () => {
  void call.start()
  call.stop()
  expect(mic.signal?.aborted).toBe(true)
  mic.grant()
  await settle()
  expect(names()).toEqual([])
  expect([mic.open, mic.closed]).toEqual([1, 1])
  expect(phases()).toEqual(['asking', 'ended'])
})

it('stopped while it asks: a refusal that comes later is no failure', async () => {
  void call.start()
  call.stop()
  mic.refuse(new MicError('micDenied', ''))
  await settle()
  expect(phases()).toEqual(['asking', 'ended'])
})

it('stopped while it connects: hung up on when the answer comes', async () => {
  void call.start()
  mic.grant()
  await settle()
  call.stop()
  expect([mic.closed, names()]).toEqual([1, ['talk.start']])
  asked[0]!.answer({ talk: 't9', sampleRateHz: 8000, holdMs: 2000 })
  await settle()
  expect(last()).toMatchObject({ name: 'talk.stop', request: { talk: 't9' }, outlives: true })
  expect(phases()).toEqual(['asking', 'connecting', 'ended'])
})

it('stopped while it connects: a refusal that comes later is no failure', async () => {
  void call.start()
  mic.grant()
  await settle()
  call.stop()
  last().refuse('deviceBusy')
  await settle()
  expect(phases()).toEqual(['asking', 'connecting', 'ended'])
  expect(names()).toEqual(['talk.start'])
})

it.each(['micDenied', 'micMissing', 'micBusy', 'micUnsupported'] as const)('%s: fails without calling', async (trouble) => {
  void call.start()
  mic.refuse(new MicError(trouble, 'raw text'))
  await settle()
  expect(views.at(-1)).toMatchObject({ phase: 'failed', code: trouble })
  expect(names()).toEqual([])
})

it('fails with the code of the camera, and lets the microphone go', async () => {
  void call.start()
  mic.grant()
  await settle()
  last().refuse('notOffered')
  await settle()
  expect(views.at(-1)).toMatchObject({ phase: 'failed', code: 'notOffered' })
  expect([mic.closed, names()]).toEqual([1, ['talk.start']])
})

it('a send that fails ends it with its code', async () => {
  await talking()
  say(2)
  sent()[0]!.refuse('deviceBusy')
  await settle()
  expect(views.at(-1)).toMatchObject({ phase: 'failed', code: 'deviceBusy', level: 0 })
  expect([mic.closed, names().filter((name) => name === 'talk.stop').length]).toEqual([1, 1])
})

it.each(['asking', 'connecting', 'talking'])('ends when the microphone does, while %s', async (phase) => {
  if (phase === 'talking') await talking()
  else void call.start()
  if (phase === 'connecting') mic.grant()
  await settle()
  mic.events?.ended()
  await settle()
  expect(views.at(-1)).toMatchObject({ phase: 'ended', micGone: true })
  expect(names().at(-1)).toBe(phase === 'talking' ? 'talk.stop' : phase === 'connecting' ? 'talk.start' : undefined)
})

it('never lags nor overtakes itself: one request at a time, and of what waits the oldest goes', async () => {
  await talking()
  for (let n = 1; n <= 40; n++) say(1, n)
  expect(sent().length).toBe(1)
  // 400 ms in all: one frame is on its way, and the last nine wait.
  sent()[0]!.answer()
  await settle()
  expect(sent().length).toBe(2)
  const late = samples(sent()[1]!)
  expect(late.length).toBe(9 * 320)
  expect([late[0], late.at(-1)]).toEqual([32, 40])
  for (let n = 41; n <= 60; n++) say(1, n)
  for (const one of sent().slice(1)) one.answer()
  await settle()
  const later = samples(sent()[2]!)
  expect(later.length).toBeLessThanOrEqual(4000)
  expect(later.at(-1)).toBe(60)
})

it('in good times each frame goes by itself, at once', async () => {
  await talking()
  for (let n = 1; n <= 10; n++) {
    say(1, n)
    expect(sent().length).toBe(n)
    last().answer()
    await settle()
  }
  expect(sent().map((one) => samples(one)[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})
