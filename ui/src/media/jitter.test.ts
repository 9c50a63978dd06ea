import { describe, expect, it } from 'vitest'
import { AUTO_MOST_MS, MOST_BEHIND_MS, Playout, type Quality, type QualityMode } from './jitter'
import { randomSource } from './testing'

const INTERVAL = 40
const WAY = 20

/** A picture of a made-up stream: when the camera took it by our clock, what it calls that, and when it came here. */
interface Packet { taken: number; pts: number; arrives: number }

interface Made {
  seconds: number
  /** What the way adds for picture `n`, ms. */
  late?: (n: number) => number
  /** Lost pictures. */
  lost?: (n: number) => boolean
  /** The camera's clock against ours, parts in a million. */
  ppm?: number
  /** What is added to the presentation times from picture `n` on, ms. */
  stamp?: (n: number) => number
}

/** Nothing overtakes anything: what is behind a late picture is late as well, as over TCP. */
function make({ seconds, late = () => 0, lost = () => false, ppm = 0, stamp = () => 0 }: Made): Packet[] {
  const packets: Packet[] = []
  let last = 0
  for (let n = 0; n < (seconds * 1000) / INTERVAL; n++) {
    if (lost(n)) continue
    const taken = n * INTERVAL
    last = Math.max(last, taken + WAY + late(n))
    packets.push({ taken, pts: taken * (1 + ppm / 1e6) + stamp(n), arrives: last })
  }
  return packets
}

interface Shown { at: number; age: number }

/** What a screen shows that is never looked at more than a millisecond too late. */
function play(quality: Quality, packets: Packet[], playout = new Playout(quality)): Shown[] {
  const held: { packet: Packet; slot: number }[] = []
  const shown: Shown[] = []
  const end = (packets.at(-1)?.arrives ?? 0) + 5000
  let next = 0
  for (let now = 0; now < end;) {
    for (let packet = packets[next]; packet !== undefined && packet.arrives <= now; packet = packets[++next]) {
      held.push({ packet, slot: playout.arrived(packet.pts, packet.arrives) })
    }
    let newest: Packet | null = null
    while (held[0] !== undefined && playout.due(held[0].slot, now) <= now) newest = held.shift()?.packet ?? null
    if (newest !== null) shown.push({ at: now, age: now - newest.taken - WAY })
    const event = Math.min(packets[next]?.arrives ?? end, held[0] === undefined ? end : playout.due(held[0].slot, now))
    // Not all of the way: what is due may become so sooner.
    now += Math.max(1, Math.floor((event - now) * 0.8))
  }
  expect(held).toEqual([])
  return shown
}

const mode = (mode: QualityMode, delayMs = 400): Quality => ({ mode, delayMs })
const gaps = (shown: Shown[]): number[] => shown.slice(1).map((one, i) => one.at - (shown[i]?.at ?? 0))
const stutters = (shown: Shown[]): number => gaps(shown).filter((gap) => gap > 2.5 * INTERVAL).length
const spread = (shown: Shown[]): number => {
  const all = gaps(shown)
  const mean = all.reduce((a, b) => a + b, 0) / all.length
  return Math.sqrt(all.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / all.length)
}
const median = (shown: Shown[]): number => shown.map(({ age }) => age).sort((a, b) => a - b)[shown.length >> 1] ?? NaN
const after = (ms: number, shown: Shown[]): Shown[] => shown.filter(({ at }) => at > ms)

/** Waves of delay up to 150 ms every second or so, and what TCP sends again comes 200 ms later. */
function rough(seed: number): (n: number) => number {
  const random = randomSource(seed)
  let wave = 0
  return () => {
    if (random() < 0.04) wave = random() * 150
    wave *= 0.9
    return wave + random() * 15 + (random() < 0.01 ? 200 : 0)
  }
}

describe('the three modes on one rough stream', () => {
  it.each([1, 2, 3, 4, 5])('real-time is the youngest, fluent the steadiest, auto between (seed %i)', (seed) => {
    const packets = make({ seconds: 60, late: rough(seed) })
    const [now, auto, fluent] = (['realTime', 'auto', 'fluent'] as const).map((one) => after(5000, play(mode(one), packets))) as [Shown[], Shown[], Shown[]]
    expect(median(now)).toBeLessThan(median(auto))
    expect(median(auto)).toBeLessThan(median(fluent))
    expect(spread(fluent)).toBeLessThan(spread(auto))
    expect(spread(auto)).toBeLessThan(spread(now))
    expect(stutters(fluent)).toBe(0)
    expect(stutters(auto)).toBeLessThan(stutters(now))
    expect(stutters(now)).toBeGreaterThan(5)
  })
})

describe('real-time', () => {
  it('shows each picture as it comes', () => {
    const packets = make({ seconds: 10, late: rough(9) })
    const at = new Set(play(mode('realTime'), packets).map((one) => one.at))
    expect([...at]).toEqual([...new Set(packets.map(({ arrives }) => Math.ceil(arrives)))])
  })
})

describe('fluent', () => {
  it('holds to its delay and to the spacing of the camera', () => {
    const shown = play(mode('fluent', 600), make({ seconds: 20, late: (n) => (n % 7) * 60 }))
    expect(Math.max(...gaps(shown))).toBeLessThanOrEqual(INTERVAL * 1.05 + 1)
    expect(Math.abs(median(shown) - 600)).toBeLessThan(40)
  })
  it('runs a little fast after a hiccup longer than its delay, and skips nothing', () => {
    const packets = make({ seconds: 60, late: (n) => (n === 500 ? 900 : 0) })
    const shown = play(mode('fluent'), packets)
    expect(shown).toHaveLength(packets.length)
    // One wait, for what the delay does not cover.
    expect(gaps(shown).filter((gap) => gap > 2 * INTERVAL)).toHaveLength(1)
    const catching = gaps(after(21_500, shown))
    expect(Math.min(...catching)).toBeGreaterThanOrEqual(INTERVAL * 0.95 - 1)
    expect(median(after(40_000, shown))).toBeCloseTo(400, -1)
  })
  it('skips rather than be more than a second behind its delay', () => {
    const shown = play(mode('fluent'), make({ seconds: 60, late: (n) => (n === 500 ? 5000 : 0) }))
    expect(Math.max(...shown.map(({ age }) => age).slice(600))).toBeLessThanOrEqual(400 + MOST_BEHIND_MS + INTERVAL)
  })
})

describe('auto', () => {
  it('costs nothing on a steady network, nor for jitter that nobody sees', () => {
    const random = randomSource(3)
    const shown = play(mode('auto'), make({ seconds: 30, late: () => random() * 10 }))
    expect(Math.max(...shown.map(({ age }) => age))).toBeLessThan(12)
  })
  it('rises within a second and falls slowly', () => {
    const random = randomSource(4)
    const playout = new Playout(mode('auto'))
    const aims: number[] = []
    for (const { pts, arrives } of make({ seconds: 60, late: (n) => (n > 250 && n < 500 ? random() * 200 : 0) })) {
      playout.arrived(pts, arrives)
      aims.push(playout.aimMs)
    }
    expect(aims[240]).toBe(0)
    expect(aims[275]).toBeGreaterThan(100)
    expect(aims[520]).toBeGreaterThan(100)
    expect(aims.at(-1)).toBe(0)
    for (let i = 501; i < aims.length; i++) expect((aims[i - 1] ?? 0) - (aims[i] ?? 0)).toBeLessThanOrEqual(0.02 * 260)
  })
  it('never runs more than a tenth fast or slow, a late picture apart', () => {
    const packets = make({ seconds: 40, late: (n) => (n > 300 && n < 400 && n % 3 === 0 ? 120 : 0) })
    for (const gap of gaps(after(20_000, play(mode('auto'), packets)))) {
      expect(gap).toBeGreaterThanOrEqual(INTERVAL * 0.9 - 1)
      expect(gap).toBeLessThanOrEqual(INTERVAL * 1.1 + 1)
    }
  })
  it('has a limit', () => {
    const random = randomSource(5)
    const playout = new Playout(mode('auto'))
    for (const { pts, arrives } of make({ seconds: 30, late: () => random() * 4000 })) playout.arrived(pts, arrives)
    expect(playout.aimMs).toBeLessThanOrEqual(AUTO_MOST_MS)
    expect(playout.delayMs).toBeLessThanOrEqual(AUTO_MOST_MS)
  })
})

describe.each(['fluent', 'auto'] as const)('clocks, %s', (which) => {
  it.each([-200, 200])('drifting by %i ppm for five minutes change nothing', (ppm) => {
    const shown = play(mode(which), make({ seconds: 300, ppm }))
    const wanted = which === 'fluent' ? 400 : 0
    for (const { age } of after(2000, shown)) expect(Math.abs(age - wanted)).toBeLessThan(8)
    expect(Math.max(...gaps(after(1000, shown)))).toBeLessThanOrEqual(INTERVAL * 1.1 + 1)
  })
  it.each([['forward', 5000], ['forward by hours', 1e7], ['back', -800], ['back to nothing', -20_000]])('set %s by %i ms in the middle go unnoticed', (_, by) => {
    const shown = play(mode(which), make({ seconds: 60, stamp: (n) => (n >= 500 ? by : 0) }))
    expect(Math.max(...gaps(shown))).toBeLessThanOrEqual(2 * INTERVAL)
    const wanted = which === 'fluent' ? 400 : 0
    expect(Math.abs(median(after(25_000, shown)) - wanted)).toBeLessThan(20)
  })
  it('a way that has become longer for good is taken as it is', () => {
    const shown = play(mode(which), make({ seconds: 60, late: (n) => (n >= 500 ? 700 : 0) }))
    expect(median(after(50_000, shown))).toBeCloseTo(700 + (which === 'fluent' ? 400 : 0), -2)
  })
})

it('lost pictures leave their own gap and no other', () => {
  const packets = make({ seconds: 30, lost: (n) => n % 100 >= 90 })
  expect(new Set(gaps(after(1000, play(mode('fluent'), packets))))).toEqual(new Set([INTERVAL, 11 * INTERVAL]))
})

it('another mode counts at once', () => {
  const playout = new Playout(mode('realTime'))
  const packets = make({ seconds: 4 })
  for (const { pts, arrives } of packets) playout.arrived(pts, arrives)
  const last = packets.at(-1)!
  expect(playout.due(last.pts, last.arrives)).toBe(last.arrives)
  playout.quality = mode('fluent', 1500)
  expect(playout.due(last.pts, last.arrives)).toBeCloseTo(last.arrives + 1500)
  playout.quality = mode('fluent', 300)
  expect(playout.due(last.pts, last.arrives)).toBeCloseTo(last.arrives + 300)
  playout.quality = mode('auto')
  expect(playout.due(last.pts, last.arrives)).toBeCloseTo(last.arrives)
})

describe('whatever comes', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('no picture waits longer than the mode allows (seed %i)', (seed) => {
    const random = randomSource(seed)
    const quality = mode((['realTime', 'fluent', 'auto'] as const)[seed % 3]!, 200 + Math.floor(random() * 1800))
    const most = { realTime: 0, fluent: quality.delayMs + MOST_BEHIND_MS, auto: AUTO_MOST_MS }[quality.mode]
    const playout = new Playout(quality)
    let [now, pts] = [0, 0]
    for (let i = 0; i < 3000; i++) {
      now += random() < 0.02 ? random() * 4000 : random() * 60
      pts += random() < 0.02 ? (random() - 0.5) * 1e6 : random() * 80 - 10
      const slot = playout.arrived(pts, now)
      const due = playout.due(slot, now)
      expect(Number.isFinite(due)).toBe(true)
      expect(due - now).toBeLessThanOrEqual(most + 1e-6)
      if (random() < 0.01) playout.reset()
    }
  })
})
