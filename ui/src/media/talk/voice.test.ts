import { describe, expect, it } from 'vitest'
import { Decimator } from './decimator'
import { DEPTH_DB, Expander } from './expander'
import { loudness, Voice } from './voice'

const RATES = [44_100, 48_000, 16_000, 8000]
const tone = (hz: number, rate: number, count: number, peak = 0.5): Float32Array =>
  Float32Array.from({ length: count }, (_, n) => peak * Math.sin((2 * Math.PI * hz * n) / rate))
const db = (samples: ArrayLike<number>, from = 0, to = samples.length): number => {
  let sum = 0
  for (let n = from; n < to; n++) sum += samples[n]! ** 2
  return 10 * Math.log10(sum / Math.max(1, to - from) + 1e-12)
}
/** As an audio thread gives it: 128 at a time, unless told otherwise. */
function decimated(input: Float32Array, from: number, size = 128): number[] {
  const decimator = new Decimator(from, 8000)
  const out: number[] = []
  for (let at = 0; at < input.length; at += size) out.push(...decimator.process(input.subarray(at, at + size)))
  return out
}
/** The same noise each time. */
function noise(count: number, rms: number, seed = 7): Float32Array {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  return Float32Array.from({ length: count }, () => next() * rms * Math.sqrt(12))
}

describe('decimator', () => {
  it.each(RATES)('%i Hz: as many samples as time has passed, and 1 kHz as loud as it was', (rate) => {
    const out = decimated(tone(1000, rate, rate), rate)
    expect(Math.abs(out.length - 8000)).toBeLessThan(3)
    expect(Math.abs(db(out, 800, 7200) - db(tone(1000, rate, rate)))).toBeLessThan(1)
  })

  it.each(RATES.filter((rate) => rate > 12_000))('%i Hz: what lies above half the rate is gone, and does not come back as something else', (rate) => {
    for (const hz of [4300, 5000, 6000, 7000, 7900]) {
      expect(db(decimated(tone(hz, rate, rate), rate), 800, 7200) - db(tone(hz, rate, rate)), `${hz} Hz`).toBeLessThan(-40)
    }
    for (const hz of [150, 300, 3000, 3300]) expect(Math.abs(db(decimated(tone(hz, rate, rate), rate), 800, 7200) - db(tone(hz, rate, rate))), `${hz} Hz`).toBeLessThan(1)
  })

  it.each(RATES)('%i Hz: no clicks where pieces meet', (rate) => {
    const whole = decimated(tone(440, rate, rate), rate, rate)
    for (const size of [128, 441, 1000]) {
      const pieces = decimated(tone(440, rate, rate), rate, size)
      expect(Math.abs(pieces.length - whole.length)).toBeLessThan(2)
      for (let n = 0; n < pieces.length; n++) expect(Math.abs(pieces[n]! - whole[n]!)).toBeLessThan(1e-6)
    }
    let step = 0
    for (let n = 400; n < whole.length; n++) step = Math.max(step, Math.abs(whole[n]! - whole[n - 1]!))
    // The steepest place of the tone itself.
    expect(step).toBeLessThan(0.5 * ((2 * Math.PI * 440) / 8000) * 1.05)
  })

  it('takes rates that nobody has', () => {
    for (const rate of [11_025, 22_050, 32_000, 96_000, 4000]) {
      const out = decimated(tone(1000, rate, rate), rate)
      expect(Math.abs(db(out, 800, 7200) - db(tone(1000, rate, rate))), `${rate}`).toBeLessThan(1)
    }
  })
})

describe('noise reduction', () => {
  const through = (input: Float32Array, level: number): Float32Array => {
    const samples = input.slice()
    const expander = new Expander(level, 8000)
    for (let at = 0; at < samples.length; at += 21) expander.process(samples.subarray(at, at + 21))
    return samples
  }
  const SECONDS = 8
  const room = noise(8000 * SECONDS, 0.004)
  const settled = 8000 * 3

  it.each([0.0005, 0.004, 0.01])('takes more out of a room of %d with each level', (rms) => {
    const alone = noise(8000 * SECONDS, rms)
    const cuts = DEPTH_DB.map((_, level) => db(alone, settled) - db(through(alone, level), settled))
    expect(cuts[0]).toBe(0)
    for (let level = 1; level < cuts.length; level++) {
      expect(cuts[level]! - cuts[level - 1]!, `level ${level}`).toBeGreaterThan(3)
      expect(Math.abs(cuts[level]! - DEPTH_DB[level]!), `level ${level}`).toBeLessThan(1.5)
    }
  })

  it('lets speech pass: syllables of 200 ms over the noise of the room', () => {
    const isVoice = (n: number): boolean => n % 3200 < 1600
    const voice = Float32Array.from(room, (sample, n) => sample + (isVoice(n) ? 0.12 * Math.sin((2 * Math.PI * 220 * n) / 8000) + 0.06 * Math.sin((2 * Math.PI * 900 * n) / 8000) : 0))
    for (let level = 1; level < DEPTH_DB.length; level++) {
      const out = through(voice, level)
      const pick = (samples: Float32Array): number[] => [...samples].filter((_, n) => n >= settled && isVoice(n))
      expect(Math.abs(db(pick(out)) - db(pick(voice))), `level ${level}`).toBeLessThan(1)
    }
  })

  it('lets the very first word pass, and a voice that never pauses', () => {
    const hum = tone(220, 8000, 8000 * SECONDS, 0.25)
    for (let level = 1; level < DEPTH_DB.length; level++) {
      const out = through(hum, level)
      expect(Math.abs(db(out, 80, 4000) - db(hum, 80, 4000)), `first, level ${level}`).toBeLessThan(1)
      expect(Math.abs(db(out, settled) - db(hum, settled)), `later, level ${level}`).toBeLessThan(1)
    }
  })

  it('keeps silence silent, and takes any level', () => {
    for (const level of [-3, 0, 1, 2, 3, 4, 99]) {
      const out = through(new Float32Array(40_000), level)
      expect(out.every((sample) => sample === 0)).toBe(true)
      expect(through(tone(440, 8000, 8000), level).every(Number.isFinite)).toBe(true)
    }
  })
})

describe('voice', () => {
  it('comes as whole frames of 40 ms', () => {
    const voice = new Voice(48_000, 8000, 2)
    const frames: Int16Array[] = []
    const input = tone(440, 48_000, 48_000, 2)
    for (let at = 0; at < input.length; at += 128) voice.push(input.subarray(at, at + 128), (frame) => frames.push(frame))
    expect(frames.length).toBe(25)
    expect(new Set(frames.map((frame) => frame.length))).toEqual(new Set([320]))
    expect(new Set(frames.map((frame) => frame.buffer)).size, 'each its own, to be given away').toBe(25)
    // Too loud is cut, not folded over.
    expect(Math.max(...frames.flatMap((frame) => [...frame]))).toBe(32767)
    expect(Math.min(...frames.flatMap((frame) => [...frame]))).toBe(-32767)
  })

  it('has a loudness that a meter shows', () => {
    const frame = (peak: number) => Int16Array.from(tone(440, 8000, 320, peak), (sample) => sample * 32767)
    expect(loudness(new Int16Array(320))).toBe(0)
    expect(loudness(new Int16Array(0))).toBe(0)
    expect(loudness(frame(1))).toBe(1)
    expect(loudness(frame(0.05))).toBeGreaterThan(0.4)
    expect(loudness(frame(0.05))).toBeLessThan(loudness(frame(0.2)))
  })
})
