import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type MicEvents, MicError, micTrouble, openMicrophone } from './microphone'

class FakeTrack {
  onended: (() => void) | null = null
  stopped = 0
  stop(): void { this.stopped++ }
}
class FakeContext extends EventTarget {
  static made: FakeContext[] = []
  static addModule = (): Promise<void> => Promise.resolve()
  static starts = true
  state = 'suspended'
  onstatechange: (() => void) | null = null
  destination = {}
  closed = 0
  audioWorklet = { addModule: () => FakeContext.addModule() }
  constructor() {
    super()
    FakeContext.made.push(this)
  }
  createMediaStreamSource = () => ({ connect: () => undefined })
  resume(): Promise<void> {
    if (FakeContext.starts) this.turn('running')
    return FakeContext.starts ? Promise.resolve() : new Promise(() => undefined)
  }
  close(): Promise<void> {
    this.closed++
    this.state = 'closed'
    return Promise.resolve()
  }
  turn(state: string): void {
    this.state = state
    this.dispatchEvent(new Event('statechange'))
    this.onstatechange?.()
  }
}
class FakeNode {
  static made: FakeNode[] = []
  onprocessorerror: (() => void) | null = null
  port = { onmessage: null as ((event: { data: Int16Array }) => void) | null, told: [] as unknown[], postMessage: (what: unknown) => { this.port.told.push(what) } }
  disconnected = 0
  constructor(_context: unknown, _name: string, readonly options: { processorOptions: unknown }) {
    FakeNode.made.push(this)
  }
  connect(): void { /* into silence */ }
  disconnect(): void { this.disconnected++ }
}

let track: FakeTrack
let granted: Promise<unknown>
let constraints: MediaStreamConstraints | null
let heard: number
let ended: number
const events: MicEvents = { frame: () => { heard++ }, ended: () => { ended++ } }
const open = (noiseReduction = 2, signal = new AbortController().signal) => openMicrophone({ sampleRateHz: 8000, noiseReduction }, events, signal)
const named = (name: string) => Object.assign(new Error(name), { name })

beforeEach(() => {
  track = new FakeTrack()
  const stream = { getTracks: () => [track], getAudioTracks: () => [track] }
  granted = Promise.resolve(stream)
  constraints = null
  heard = 0
  ended = 0
  FakeContext.made = []
  FakeContext.starts = true
  FakeContext.addModule = () => Promise.resolve()
  FakeNode.made = []
  vi.stubGlobal('AudioContext', FakeContext)
  vi.stubGlobal('AudioWorkletNode', FakeNode)
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia: (what: MediaStreamConstraints) => {
    constraints = what
    return granted
  } } })
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('gives frames until it is closed, and lets everything go then', async () => {
  const mic = await open(2)
  expect(constraints).toEqual({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } })
  const node = FakeNode.made[0]!
  expect(node.options.processorOptions).toEqual({ sampleRateHz: 8000, noiseReduction: 2 })
  const give = node.port.onmessage!
  give({ data: new Int16Array(320) })
  expect(heard).toBe(1)
  mic.close()
  give({ data: new Int16Array(320) })
  expect([heard, ended, track.stopped, node.disconnected, FakeContext.made[0]!.closed]).toEqual([1, 0, 1, 1, 1])
  expect(node.port.told).toEqual(['over'])
  mic.close()
  expect(FakeContext.made[0]!.closed).toBe(1)
})

it('leaves the noise to nobody where the setting is off', async () => {
  (await open(0)).close()
  expect(constraints).toMatchObject({ audio: { noiseSuppression: false } })
})

it.each([
  ['NotAllowedError', 'micDenied'], ['SecurityError', 'micDenied'], ['NotFoundError', 'micMissing'], ['OverconstrainedError', 'micMissing'],
  ['NotReadableError', 'micBusy'], ['TypeError', 'micUnsupported'],
] as const)('%s is %s', async (name, trouble) => {
  granted = Promise.reject(named(name))
  await expect(open()).rejects.toMatchObject({ trouble })
  expect(FakeContext.made).toEqual([])
  expect(micTrouble('no error at all')).toBe('micUnsupported')
})

it.each([['no mediaDevices', 'navigator', {}], ['no AudioWorklet', 'AudioWorkletNode', undefined]])('says so where there is %s', async (_, name, value) => {
  vi.stubGlobal(name, value)
  await expect(open()).rejects.toMatchObject({ trouble: 'micUnsupported' })
  expect(constraints).toBeNull()
})

it('lets go of a microphone that comes after somebody gave up', async () => {
  const giveUp = new AbortController()
  const opening = open(2, giveUp.signal)
  giveUp.abort()
  await expect(opening).rejects.toBeInstanceOf(MicError)
  expect([track.stopped, FakeContext.made.length]).toEqual([1, 0])
})

it('lets go of it when something fails half-way', async () => {
  FakeContext.addModule = () => Promise.reject(named('AbortError'))
  await expect(open()).rejects.toBeInstanceOf(MicError)
  expect([track.stopped, FakeContext.made[0]!.closed]).toEqual([1, 1])
})

it('does not wait for ever for a context that never runs', async () => {
  vi.useFakeTimers()
  FakeContext.starts = false
  const opening = open()
  const failed = expect(opening).rejects.toMatchObject({ trouble: 'micBusy' })
  await vi.advanceTimersByTimeAsync(3000)
  await failed
  expect([track.stopped, FakeContext.made[0]!.closed]).toEqual([1, 1])
})

it.each([
  ['the track', () => track.onended?.()], ['the audio thread', () => FakeNode.made[0]!.onprocessorerror?.()],
  ['the system, for a phone call', () => FakeContext.made[0]!.turn('interrupted')],
])('is over when %s ends it', async (_, end) => {
  await open()
  end()
  end()
  expect([ended, track.stopped, FakeContext.made[0]!.closed]).toEqual([1, 1, 1])
})
