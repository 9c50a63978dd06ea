import { beforeEach, describe, expect, it } from 'vitest'
import type { MovieSound as Stretch } from '@/api/generated'
import { createDecoder } from '../sound/decoder'
import { FakeClock, FakeSpeaker, settle } from '../testing'
import { type Followed, MovieSound } from './sound'

const RATE = 8000
const RUN_US = 500_000
const DURATION_US = 20_000_000

/** A run whose samples rise with their time, so that each says when it belongs. */
function run(atUs: number): { atUs: number; data: string } {
  const samples = Int16Array.from({ length: RUN_US * RATE / 1e6 }, (_, n) => (atUs / 1e6 + n / RATE) * 1000)
  return { atUs, data: btoa(String.fromCharCode(...new Uint8Array(samples.buffer))) }
}

describe('the sound of a recording', () => {
  let clock: FakeClock
  let speaker: FakeSpeaker
  let asked: [number, number][]
  let answer: (fromUs: number, toUs: number) => Promise<Stretch>
  let sound: MovieSound
  let state: Followed

  beforeEach(() => {
    clock = new FakeClock()
    speaker = new FakeSpeaker(clock)
    asked = []
    answer = (fromUs, toUs) => {
      const runs = []
      for (let at = Math.floor(fromUs / RUN_US) * RUN_US; at < toUs; at += RUN_US) runs.push(run(at))
      return Promise.resolve({ format: 'pcm', sampleRate: RATE, channels: 1, runs })
    }
    sound = new MovieSound({
      speaker, createDecoder, durationUs: DURATION_US, changed: () => undefined,
      read: (fromUs, toUs) => {
        asked.push([fromUs, toUs])
        return answer(fromUs, toUs)
      },
    })
    state = { playing: true, rate: 1, atUs: 0, seeking: false, ended: false, shownUs: 0 }
  })

  /** Plays for so long; the pictures are on time. */
  async function play(ms: number, drift = 0): Promise<void> {
    for (const end = clock.ms + ms; clock.ms < end;) {
      sound.follow(state)
      await settle()
      await clock.advance(16)
      state.atUs += 16_000 + drift
    }
  }

  /** By how much what was laid is off from where it belongs, at worst; in seconds. */
  function worst(from = 0): number {
    const zero = clock.ms / 1000 - state.atUs / 1e6
    return Math.max(...speaker.played.slice(from).map(({ at, calledAt, samples }) => {
      expect(at, 'what is past is heard at once, and that is too late').toBeGreaterThanOrEqual(calledAt - 0.001)
      const middle = Math.floor(samples.length / 2)
      const belongs = (samples[middle]! * 32768) / 1000
      return Math.abs(at + middle / speaker.rate + speaker.latency() - (zero + belongs))
    }))
  }

  it('is heard when its pictures are seen, without a gap, and read a little ahead', async () => {
    await play(6000)
    expect(speaker.played.length).toBeGreaterThan(10)
    expect(worst()).toBeLessThan(0.02)
    for (const [n, one] of speaker.played.entries()) {
      const before = speaker.played[n - 1]
      if (before !== undefined) expect(one.at - before.at).toBeCloseTo(before.samples.length / speaker.rate, 6)
    }
    expect(asked).toEqual([[0, 4_000_000], [4_000_000, 8_000_000], [8_000_000, 12_000_000]])
    expect(speaker.silences).toBe(0)
  })

  it('begins in the middle of a run, and says nothing twice', async () => {
    state.atUs = state.shownUs = 1_300_000
    await play(4000)
    expect(worst()).toBeLessThan(0.03)
    const said = speaker.played.map(({ samples }) => samples.at(-1)!)
    expect([...said].sort((a, b) => a - b)).toEqual(said)
    expect(new Set(said).size).toBe(said.length)
  })

  it.each<[string, Partial<Followed>]>([
    ['paused', { playing: false }], ['at another speed', { rate: 2 }], ['while it seeks', { seeking: true }], ['at the end', { ended: true }],
  ])('is silent %s, and goes on from where the picture is', async (_, change) => {
    await play(1000)
    const before = { ...state }
    Object.assign(state, change)
    sound.follow(state)
    expect(speaker.silences).toBe(1)
    const laid = speaker.played.length
    await play(500)
    expect(speaker.played).toHaveLength(laid)
    Object.assign(state, before, { atUs: 9_100_000 })
    await play(1000)
    expect(worst(laid)).toBeLessThan(0.03)
  })

  it('begins anew where the pictures fell behind', async () => {
    await play(1000)
    const laid = speaker.played.length
    state.atUs -= 600_000
    await play(200)
    expect(speaker.silences).toBe(1)
    expect(worst(laid)).toBeLessThan(0.03)
    // Slowly too, as a machine that does not keep up.
    const again = speaker.silences
    await play(2000, -1500)
    expect(speaker.silences).toBeGreaterThan(again)
  })

  it('takes no answer that comes too late', async () => {
    const late: (() => void)[] = []
    const prompt = answer
    answer = (fromUs, toUs) => new Promise((done) => { late.push(() => { void prompt(fromUs, toUs).then(done) }) })
    await play(100)
    // A seek, and playing goes on there before the first answer comes.
    state.playing = false
    sound.follow(state)
    answer = prompt
    Object.assign(state, { playing: true, atUs: 9_000_000 })
    await play(100)
    expect(late).toHaveLength(1)
    late[0]?.()
    await play(3000)
    expect(asked).toEqual([[0, 4_000_000], [9_000_000, 13_000_000], [13_000_000, 17_000_000]])
    expect(worst()).toBeLessThan(0.03)
  })

  it('can be off, may be not allowed, and says what cannot be', async () => {
    sound.setOn(false)
    await play(300)
    expect([sound.phase, asked.length]).toEqual(['muted', 0])
    speaker.running = false
    sound.setOn(true)
    expect([sound.phase, speaker.opened]).toEqual(['blocked', 1])
    await play(300)
    expect(asked).toHaveLength(0)
    speaker.running = true
    answer = () => Promise.reject(new Error('disk'))
    await play(300)
    expect([sound.phase, asked.length]).toEqual(['failed', 1])
    answer = () => Promise.resolve({ format: null, sampleRate: 0, channels: 0, runs: [] })
    sound.setOn(true)
    await play(300)
    expect([sound.phase, asked.length]).toEqual(['unsupported', 2])
    sound.close()
    expect(speaker.closed).toBe(1)
  })
})
