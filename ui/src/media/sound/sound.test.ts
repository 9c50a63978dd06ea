import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock, FakeSpeaker, message } from '../testing'
import { FLAG_DISCONTINUITY, KIND_SOUND, KIND_SOUND_STATE, parseMessages, type WireMessage } from '../wire'
import { createDecoder, mono, type CreateDecoder, type DecoderEvents } from './decoder'
import { PictureClock } from './pictureclock'
import { SoundPlayer, TOLERANCE_MS } from './player'
import { Resampler } from './resampler'

const tone = (hertz: number, rate: number, from: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, n) => Math.sin((2 * Math.PI * hertz * (from + n)) / rate))

/** How often a signal rises through zero in a second. */
function frequency(samples: ArrayLike<number>, rate: number): number {
  let rises = 0
  for (let n = 1; n < samples.length; n++) if (samples[n - 1]! < 0 && samples[n]! >= 0) rises++
  return (rises * rate) / samples.length
}

describe('resampler', () => {
  it('keeps the tone and joins its pieces without a seam', () => {
    const whole = new Resampler().process(tone(440, 8000, 0, 1600), 8000 / 48_000)
    const pieces = new Resampler()
    const joined = Array.from({ length: 10 }, (_, n) => [...pieces.process(tone(440, 8000, n * 160, 160), 8000 / 48_000)]).flat()
    expect(Math.abs(joined.length - 9600)).toBeLessThan(2)
    let apart = 0
    for (let n = 0; n < Math.min(whole.length, joined.length); n++) apart = Math.max(apart, Math.abs(joined[n]! - whole[n]!))
    expect(apart).toBeLessThan(1e-6)
    expect(Math.abs(frequency(joined, 48_000) - 440)).toBeLessThan(6)
    let step = 0
    for (let n = 30; n < joined.length; n++) step = Math.max(step, Math.abs(joined[n]! - joined[n - 1]!))
    expect(step).toBeLessThan(0.06)
  })

  it('makes fewer samples when it goes faster, downwards too', () => {
    expect(new Resampler().process(new Float32Array(4800), 48_000 / 44_100).length).toBeCloseTo(4410, -1)
    const plain = new Resampler().process(new Float32Array(8000), 1 / 6).length
    const fast = new Resampler().process(new Float32Array(8000), 1.01 / 6).length
    expect(fast / plain).toBeCloseTo(1 / 1.01, 3)
  })
})

describe('picture clock', () => {
  it('is the mean of what was shown, and forgets', () => {
    const clock = new PictureClock()
    expect(clock.onScreenAt(0, 0)).toBeNull()
    for (let n = 0; n < 50; n++) clock.shown(n * 40_000, 1000 + n * 40 + (n % 2) * 10)
    expect(clock.onScreenAt(2_000_000, 3000)).toBeCloseTo(3005, 5)
    expect(clock.onScreenAt(2_000_000, 9000)).toBeNull()
    // Another connection begins at zero.
    clock.shown(0, 3040)
    expect(clock.onScreenAt(0, 3040)).toBe(3040)
  })
})

describe('decoders', () => {
  it('reads PCM, wherever it lies in its buffer, and mixes channels', () => {
    const heard: number[][] = []
    const events: DecoderEvents = { samples: (samples) => heard.push([...samples]), error: () => undefined }
    const bytes = Uint8Array.of(9, 0x00, 0x40, 0x00, 0xc0, 0x00, 0x40, 0x00, 0x00, 7).subarray(1, 9)
    createDecoder('pcm', 8000, 1, events).feed(bytes, 0)
    createDecoder('pcm', 8000, 2, events).feed(bytes, 0)
    expect(heard).toEqual([[0.5, -0.5, 0.5, 0], [0, 0.25]])
    expect([...mono([[1, 0], [0, 0.5]], 2)]).toEqual([0.5, 0.25])
  })
})

describe('player', () => {
  let clock: FakeClock
  let speaker: FakeSpeaker
  let player: SoundPlayer
  let changes: number

  const wire = (fields: Parameters<typeof message>[0]): WireMessage => parseMessages(message(fields).buffer)[0]!
  const playing = (format: 'pcm' | 'aac' = 'pcm', sampleRate = 8000) =>
    wire({ kind: KIND_SOUND_STATE, json: { phase: 'playing', coding: 'G.711 A-law', format, sampleRate, channels: 1, code: null, detail: null } })
  function pcm(ptsMs: number, flags = 0, ms = 20): WireMessage {
    const samples = tone(440, 8000, Math.round(ptsMs * 8), ms * 8)
    const bytes = new Uint8Array(samples.length * 2)
    const view = new DataView(bytes.buffer)
    samples.forEach((sample, n) => view.setInt16(2 * n, Math.round(sample * 9000), true))
    return wire({ kind: KIND_SOUND, flags, ptsUs: ptsMs * 1000, payload: bytes })
  }
  /** Sound and pictures for so long; the pictures are seen `seenMs` after their time, the sound comes `lateMs` after it. */
  async function run(fromMs: number, ms: number, seenMs: number, lateMs: (ptsMs: number) => number): Promise<void> {
    const begun = clock.ms
    const events: { at: number; run: () => void }[] = []
    for (let pts = fromMs; pts < fromMs + ms; pts += 40) events.push({ at: pts + seenMs, run: () => player.shown(pts * 1000) })
    for (let pts = fromMs; pts < fromMs + ms; pts += 20) events.push({ at: pts + 20 + lateMs(pts), run: () => player.message(pcm(pts)) })
    for (const { at, run: act } of events.sort((a, b) => a.at - b.at)) {
      await clock.advance(Math.max(0, begun + at - fromMs - clock.ms))
      act()
    }
  }
  const heard = (): number[] => speaker.played.flatMap(({ samples }) => [...samples])

  beforeEach(() => {
    clock = new FakeClock()
    speaker = new FakeSpeaker(clock)
    changes = 0
    player = new SoundPlayer({ clock, speaker, createDecoder, changed: () => { changes++ } })
  })

  it('is silent until somebody listens', () => {
    player.message(playing())
    player.message(pcm(0))
    expect(player.view.phase).toBe('off')
    expect([speaker.opened, speaker.played.length]).toEqual([0, 0])
  })

  it('plays the tone in one piece, in time with the picture', async () => {
    player.start()
    expect([player.view.phase, speaker.opened]).toEqual(['connecting', 1])
    player.message(playing())
    await run(0, 4000, 35, () => 5)
    expect(player.view).toMatchObject({ phase: 'playing', coding: 'G.711 A-law' })
    expect(Math.abs(player.view.skewMs!)).toBeLessThan(TOLERANCE_MS)
    expect(player.underruns).toBe(0)
    const seams = speaker.played.slice(1).map(({ at }, n) => Math.abs(at - speaker.played[n]!.at - speaker.played[n]!.samples.length / 48_000))
    expect(Math.max(...seams)).toBeLessThan(1e-9)
    expect(Math.abs(frequency(heard(), 48_000) - 440)).toBeLessThan(3)
  })

  it('waits where the pictures wait', async () => {
    player.start()
    player.message(playing())
    await run(0, 3000, 500, () => 5)
    expect(Math.abs(player.view.skewMs!)).toBeLessThan(20)
  })

  it('follows a device whose clock is fast without gaps or heaps', async () => {
    player.start()
    player.message(playing())
    // 0.5 % faster than ours: in 20 s a tenth of a second more.
    await run(0, 20_000, 35, (pts) => 5 - pts * 0.005)
    const last = speaker.played.at(-1)!
    expect(last.at - speaker.now()).toBeLessThan(0.15)
    expect(player.underruns).toBe(0)
    expect(speaker.silences).toBeLessThan(3)
  })

  it('deepens its buffer when sound comes unevenly, and goes on', async () => {
    player.start()
    player.message(playing())
    // A lost packet of TCP holds up all behind it.
    const uneven = (pts: number): number => Math.max(5, 130 - (pts % 400))
    await run(0, 8000, 35, uneven)
    const early = player.underruns
    expect(early).toBeGreaterThan(0)
    await run(8000, 4000, 35, uneven)
    // Of ten bursts at most one, that found the buffer just a little too shallow.
    expect(player.underruns - early).toBeLessThan(2)
  })

  it('begins anew where the stream jumps', async () => {
    player.start()
    player.message(playing())
    await run(0, 1000, 35, () => 5)
    player.restart()
    expect(player.view.phase).toBe('connecting')
    player.message(playing())
    await run(90_000, 1000, 35, () => 5)
    expect(player.view.phase).toBe('playing')
    expect(Math.abs(player.view.skewMs!)).toBeLessThan(TOLERANCE_MS)
    player.message(pcm(91_000, FLAG_DISCONTINUITY))
  })

  it('says when there is nothing to hear, and why', async () => {
    player.start()
    for (const phase of ['none', 'failed', 'unsupported'] as const) {
      player.message(wire({ kind: KIND_SOUND_STATE, json: { phase, coding: 'G723', format: null, code: 'tooManySessions' } }))
      expect(player.view).toMatchObject({ phase, coding: 'G723', code: 'tooManySessions' })
    }
    player.message(playing())
    speaker.running = false
    expect(player.view.phase).toBe('blocked')
    player.message(pcm(0))
    expect(speaker.played).toEqual([])
    speaker.running = true
    await run(0, 100, 35, () => 5)
    expect(player.view.phase).toBe('playing')
    await clock.advance(4000)
    expect(player.view).toMatchObject({ phase: 'connecting', skewMs: null })
    player.message(wire({ kind: KIND_SOUND_STATE, payload: [1, 2] }))
    expect(changes).toBeGreaterThan(4)
  })

  it('gives a decoder up that fails again and again, once it has been tried anew', async () => {
    let made = 0
    const failing: CreateDecoder = (_format, _rate, _channels, events) => {
      made++
      return { feed: () => events.error('torn'), close: () => undefined }
    }
    player = new SoundPlayer({ clock, speaker, createDecoder: failing, changed: () => undefined })
    player.start()
    player.message(playing('aac', 16_000))
    for (let n = 0; n < 6; n++) {
      player.message(pcm(n * 20))
      await clock.advance(1)
    }
    expect(made).toBe(3)
    expect(player.view.phase).toBe('unsupported')
    player.stop()
    expect(player.view.phase).toBe('off')
    expect(speaker.closed).toBe(1)
  })
})
