import { describe, expect, it } from 'vitest'
import type { StreamConfig, TileState } from '@/api/generated'
import { initialState, phaseOf, step, type Effect, type PlayerEvent, type PlayerState } from './player'

export const CONFIG: StreamConfig = {
  codec: 'avc1.64001f', delivery: 'encoded', width: 640, height: 360, frameRate: 25, reorderFrames: 0, matrix: 'bt601',
  fullRange: false, transport: 'tcp', profile: 'sub',
}

/** Runs events and keeps what they did. */
class Machine {
  state: PlayerState = initialState()
  now = 0
  did: Effect[] = []

  run(event: PlayerEvent, afterMs = 0): Effect[] {
    this.now += afterMs
    const { state, effects } = step(this.state, event, this.now)
    this.state = state
    this.did.push(...effects)
    return effects
  }
  au(fields: Partial<Extract<PlayerEvent, { type: 'accessUnit' }>> = {}, afterMs = 40): Effect[] {
    return this.run({ type: 'accessUnit', randomAccess: false, discontinuity: false, ageMs: 5, queue: 0, waitMs: 0, ...fields }, afterMs)
  }
  out(afterMs = 1): Effect[] {
    return this.run({ type: 'output' }, afterMs)
  }
  get phase(): string {
    return phaseOf(this.state, this.now)
  }
  playing(config: Partial<StreamConfig> = {}): this {
    this.run({ type: 'open', delivery: 'encoded' })
    this.run({ type: 'config', config: { ...CONFIG, ...config } })
    this.au({ randomAccess: true })
    this.out()
    return this
  }
}

describe('starting', () => {
  it('goes through the stages', () => {
    const m = new Machine()
    const seen = [m.phase]
    const note = (): unknown => seen.push(m.phase)
    m.run({ type: 'open', delivery: 'encoded' })
    note()
    expect(m.run({ type: 'config', config: CONFIG })).toEqual(['createSink'])
    note()
    expect(m.au()).toEqual(['discard'])
    expect(m.au({ randomAccess: true })).toEqual(['feed'])
    note()
    m.out()
    note()
    expect(seen).toEqual(['idle', 'connecting', 'waitingForKey', 'decoding', 'playing'])
    expect(m.state.dropped).toBe(0) // before the first picture nothing was lost
  })
  it('keeps its decoder when only the transport changes, not when the size does', () => {
    const m = new Machine().playing()
    expect(m.run({ type: 'config', config: { ...CONFIG, transport: 'udp' } })).toEqual([])
    expect(m.au()).toEqual(['feed'])
    expect(m.run({ type: 'config', config: { ...CONFIG, width: 320 } })).toEqual(['closeSink', 'createSink'])
    expect(m.au()).toEqual(['discard'])
  })
  it('works through an old group of pictures to reach the present', () => {
    const m = new Machine()
    m.run({ type: 'open', delivery: 'encoded' })
    m.run({ type: 'config', config: CONFIG })
    m.au({ randomAccess: true, ageMs: 2000 })
    for (let age = 1960; age >= 0; age -= 40) expect(m.au({ ageMs: age }, 2)).toEqual(['feed'])
    expect(m.au({ ageMs: 1600 })).toEqual(['resetSink', 'discard'])
  })
})

describe('staying live', () => {
  it('skips to the next random access point when pictures come late', () => {
    const m = new Machine().playing()
    expect(m.au({ ageMs: 1501 })).toEqual(['resetSink', 'discard'])
    expect(m.au()).toEqual(['discard'])
    expect(m.au({ randomAccess: true, ageMs: 1600 })).toEqual(['feed'])
    expect(m.state.dropped).toBe(2)
  })
  it('gives up catching up after a while', () => {
    const m = new Machine().playing()
    m.au({ discontinuity: true, randomAccess: true, ageMs: 2000 })
    expect(m.au({ ageMs: 2000 }, 2900)).toEqual(['feed'])
    expect(m.au({ ageMs: 2000 }, 200)).toEqual(['resetSink', 'discard'])
  })
  it('skips when the decoder stays behind, not when it was just given a burst', () => {
    const m = new Machine().playing()
    expect(m.au({ queue: 13, waitMs: 20 })).toEqual(['feed'])
    expect(m.au({ queue: 13, waitMs: 501 })).toEqual(['resetSink', 'discard'])
    m.au({ randomAccess: true })
    // Nothing came out yet: whether it is behind or dead is for the tick to say.
    expect(m.au({ randomAccess: true, queue: 13, waitMs: 501 })).toEqual(['feed'])
    m.out()
    expect(m.au({ randomAccess: true, queue: 13, waitMs: 501 })).toEqual(['resetSink', 'feed'])
  })
  it.each([
    ['discontinuity', (m: Machine) => m.au({ discontinuity: true, randomAccess: true }), ['resetSink', 'feed']],
    ['discontinuity without a random access point', (m: Machine) => m.au({ discontinuity: true }), ['resetSink', 'discard']],
    ['gap', (m: Machine) => [...m.run({ type: 'gap' }), ...m.au()], ['resetSink', 'discard']],
  ] as const)('%s', (_, act, effects) => {
    expect(act(new Machine().playing())).toEqual(effects)
  })
})

describe('a decoder that fails', () => {
  it('is made anew after an error and starts at a random access point', () => {
    const m = new Machine().playing()
    expect(m.run({ type: 'decoderError', detail: 'x' })).toEqual(['closeSink', 'createSink', 'askKey'])
    expect(m.au()).toEqual(['discard'])
    expect(m.phase).toBe('playing')
  })
  it('is given up after three errors, but not over hours', () => {
    const m = new Machine().playing()
    for (let i = 0; i < 2; i++) m.run({ type: 'decoderError', detail: 'x' })
    m.out()
    m.out(10_001)
    expect(m.run({ type: 'decoderError', detail: 'x' })).toEqual(['closeSink', 'createSink', 'askKey'])
    m.run({ type: 'decoderError', detail: 'x' })
    expect(m.run({ type: 'decoderError', detail: 'x' })).toEqual(['closeSink', 'fallBack'])
    expect(m.state.delivery).toBe('pictures')
  })
  it('that gives nothing is made anew once, then given up', () => {
    const m = new Machine()
    m.run({ type: 'open', delivery: 'encoded' })
    m.run({ type: 'config', config: CONFIG })
    const feed = (): void => {
      m.au({ randomAccess: true })
      for (let i = 0; i < 35; i++) m.au()
      expect(m.run({ type: 'tick' })).toEqual([])
    }
    feed()
    expect(m.run({ type: 'tick' }, 100)).toEqual(['silent', 'closeSink', 'createSink', 'askKey'])
    feed()
    expect(m.run({ type: 'tick' }, 100)).toEqual(['silent', 'closeSink', 'fallBack'])
    expect(m.phase).toBe('connecting')
  })
  it('is not taken for one that holds back pictures of a stream with B-frames', () => {
    const m = new Machine().playing({ reorderFrames: 3 })
    for (let i = 0; i < 3; i++) m.au({}, 1000)
    expect(m.run({ type: 'tick' }, 60_000)).toEqual([])
    m.au()
    expect(m.run({ type: 'tick' }, 3999)).toEqual([])
    expect(m.run({ type: 'tick' }, 1)).toEqual(['closeSink', 'createSink', 'askKey'])
  })
  it('is not used when the probe failed, unless it works', () => {
    const m = new Machine()
    m.run({ type: 'open', delivery: 'encoded' })
    m.run({ type: 'config', config: CONFIG })
    expect(m.run({ type: 'cannotDecode', codec: 'avc1.other' })).toEqual([])
    expect(m.run({ type: 'cannotDecode', codec: CONFIG.codec })).toEqual(['closeSink', 'fallBack'])
    expect(new Machine().playing().run({ type: 'cannotDecode', codec: CONFIG.codec })).toEqual([])
  })
  it('says so for H.265, which the core does not decode either', () => {
    const m = new Machine()
    m.run({ type: 'open', delivery: 'encoded' })
    m.run({ type: 'config', config: { ...CONFIG, codec: 'hvc1.1.6.L93.B0' } })
    expect(m.run({ type: 'cannotDecode', codec: 'hvc1.1.6.L93.B0' })).toEqual(['closeSink', 'unsupported'])
    expect([m.phase, m.state.fault?.code]).toEqual(['failed', 'unsupportedCodec'])
    expect(m.au({ randomAccess: true })).toEqual(['discard'])
    m.run({ type: 'open', delivery: 'encoded' })
    expect(m.phase).toBe('connecting')
  })
})

describe('phases', () => {
  it.each([[25, 3000], [2, 4000], [1, 8000], [null, 3000]] as const)('at %s fps goes stale after %i ms', (frameRate, ms) => {
    const m = new Machine().playing({ frameRate })
    m.run({ type: 'tick' }, ms)
    expect(m.phase).toBe('playing')
    m.run({ type: 'tick' }, 1)
    expect(m.phase).toBe('stale')
    m.out()
    expect(m.phase).toBe('playing')
  })
  it('measures the interval of a stream that does not state it', () => {
    const m = new Machine().playing({ frameRate: null })
    for (let i = 0; i < 40; i++) {
      m.au({}, 1000)
      m.out(0)
    }
    m.run({ type: 'tick' }, 7000)
    expect(m.phase).toBe('playing')
    m.run({ type: 'tick' }, 1100)
    expect(m.phase).toBe('stale')
  })
  it('tells of a break when the try at once did not mend it, and then until there is a picture', () => {
    const m = new Machine().playing()
    const core = (phase: TileState['phase'], attempt: number, retryInMs: number | null = null): string => {
      m.run({ type: 'state', state: { phase, code: phase === 'buffering' ? null : 'disconnected', detail: null, retryInMs, attempt } })
      return m.phase
    }
    expect([core('backoff', 0, 100), core('connecting', 1)], 'mended at once').toEqual(['playing', 'playing'])
    expect([core('backoff', 1, 500), core('connecting', 2), core('backoff', 2, 1000), core('connecting', 3)]).toEqual(['backoff', 'stale', 'backoff', 'stale'])
    expect(core('buffering', 3), 'it is there again').toBe('playing')
    expect(core('backoff', 0, 5000), 'a device that asks for patience').toBe('backoff')
    m.run({ type: 'tick' }, 4000)
    expect([core('backoff', 0, 100), core('connecting', 1)], 'an old picture').toEqual(['backoff', 'stale'])
  })
  it('follows the core', () => {
    const m = new Machine().playing()
    const core = (phase: 'stalled' | 'backoff' | 'failed', retryInMs: number | null = null): void => {
      m.run({ type: 'state', state: { phase, code: 'timeout', detail: null, retryInMs, attempt: 1 } })
    }
    core('backoff', 4000)
    expect([m.phase, m.state.retryAt]).toEqual(['backoff', m.now + 4000])
    core('failed')
    expect(m.phase).toBe('failed')
    m.run({ type: 'close', paused: true })
    expect(m.phase).toBe('paused')
    m.run({ type: 'open', delivery: 'pictures' })
    m.run({ type: 'openFailed', code: 'notFound', detail: '' })
    expect([m.phase, m.state.fault?.code]).toEqual(['failed', 'notFound'])
  })
})
