import { beforeEach, describe, expect, it } from 'vitest'
import { Hold } from './hold'
import type { Quality, QualityMode } from './jitter'
import type { Picture } from './sinks/sink'
import { FakeClock, message, randomSource } from './testing'
import { parseMessages, type WireMessage } from './wire'

const INTERVAL = 40

let clock: FakeClock
let delivered: { pts: number; at: number; credited: boolean }[]
let presented: { pts: number; at: number }[]
let credits: number
let open: number

function hold(mode: QualityMode, delayMs = 400): Hold {
  const quality: Quality = { mode, delayMs }
  return new Hold(clock, quality, {
    deliver: ({ ptsUs }, credited) => delivered.push({ pts: ptsUs / 1000, at: clock.ms, credited }),
    credit: (_, count) => { credits += count },
    present: (picture) => {
      presented.push({ pts: (picture.ptsUs ?? 0) / 1000, at: clock.ms })
      picture.close()
    },
  })
}

const unit = (ptsMs: number, bytes = 10, kind = 2): WireMessage => parseMessages(message({
  kind, tile: 1, ptsUs: ptsMs * 1000, arrivalUs: clock.utc() * 1000, payload: new Uint8Array(bytes),
}).buffer)[0]!

function decoded(ptsMs: number): Picture {
  open++
  let held = true
  const plane = new Uint8Array(1)
  return {
    kind: 'planes', y: plane, u: plane, v: plane, width: 2, height: 2, matrix: 'bt601', fullRange: false, arrivalUs: clock.utc() * 1000,
    ptsUs: ptsMs * 1000,
    close: () => {
      if (held) open--
      held = false
    },
  }
}

beforeEach(() => {
  clock = new FakeClock()
  delivered = []
  presented = []
  credits = open = 0
})

describe('coded pictures', () => {
  it('go straight through in real time, and their credits wait for the decoder', () => {
    const one = hold('realTime')
    for (let n = 0; n < 5; n++) one.take(unit(n * INTERVAL))
    expect(delivered.map(({ pts, credited }) => [pts, credited])).toEqual([[0, false], [40, false], [80, false], [120, false], [160, false]])
    expect([credits, one.held, clock.pending]).toEqual([0, 0, 0])
  })
  it('wait where the mode is fluent, the first one apart, and cost the core no credit', async () => {
    const one = hold('fluent')
    for (let n = 0; n < 20; n++) {
      one.take(unit(n * INTERVAL))
      await clock.advance(INTERVAL)
    }
    expect(delivered[0]).toEqual({ pts: 0, at: 0, credited: false })
    // So much sooner than shown that a decoder is done with them.
    for (const { pts, at, credited } of delivered.slice(1)) {
      expect(Math.abs(at - (pts + 350))).toBeLessThanOrEqual(2)
      expect(credited).toBe(true)
    }
    expect(credits).toBe(19)
    await clock.advance(500)
    expect(delivered).toHaveLength(20)
    expect(one.held).toBe(0)
  })
  it('all go at once when the mode becomes real time', async () => {
    const one = hold('fluent', 2000)
    for (let n = 0; n < 20; n++) {
      one.take(unit(n * INTERVAL))
      await clock.advance(INTERVAL)
    }
    expect(delivered).toHaveLength(1)
    one.setQuality({ mode: 'realTime', delayMs: 2000 })
    expect(delivered).toHaveLength(20)
    expect(clock.pending).toBe(0)
  })
  it('are bounded in bytes: the oldest go sooner', async () => {
    const one = hold('fluent', 2000)
    for (let n = 0; n < 20; n++) {
      one.take(unit(n * INTERVAL, 1024 * 1024))
      await clock.advance(INTERVAL)
    }
    expect(one.held).toBeLessThanOrEqual(8)
    expect(delivered.map(({ pts }) => pts)).toEqual(Array.from({ length: delivered.length }, (_, n) => n * INTERVAL))
  })
  it('are forgotten with their opening', async () => {
    const one = hold('fluent')
    for (let n = 0; n < 5; n++) one.take(unit(n * INTERVAL))
    one.clear()
    await clock.advance(2000)
    expect(delivered).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })
  it('keep their place before and behind what is done in its turn', async () => {
    const one = hold('fluent')
    const order: string[] = []
    one.take(unit(0))
    one.take(unit(40))
    one.after(() => order.push(`after ${delivered.length}`))
    one.take(unit(80))
    await clock.advance(1000)
    expect(order).toEqual(['after 2'])
    expect(delivered).toHaveLength(3)
    one.after(() => order.push('at once'))
    expect(order).toHaveLength(2)
  })
  it('of a stream with another order than shown go when the first of them is needed', async () => {
    const one = hold('fluent')
    one.expect(1)
    one.take(unit(0))
    // P before the B that is shown before it.
    for (const pts of [80, 40, 160, 120]) {
      one.take(unit(pts))
      await clock.advance(INTERVAL)
    }
    await clock.advance(1000)
    expect(delivered.map(({ pts }) => pts)).toEqual([0, 80, 40, 160, 120])
    const at = (pts: number): number => delivered.find((one) => one.pts === pts)?.at ?? NaN
    expect(at(80)).toBeLessThanOrEqual(at(40))
    expect(at(160)).toBeLessThanOrEqual(at(120))
  })
})

describe('decoded pictures', () => {
  it('are shown at the spacing of the camera however long each took to decode', async () => {
    const one = hold('fluent')
    const random = randomSource(1)
    one.take(unit(0))
    one.shown(decoded(0))
    for (let n = 1; n < 60; n++) {
      one.take(unit(n * INTERVAL))
      for (let ms = 0; ms < INTERVAL; ms += 5) {
        await clock.advance(5)
        for (const { pts } of delivered.splice(0)) {
          if (pts > 0) clock.set(() => one.shown(decoded(pts)), random() * 30)
        }
      }
    }
    const times = presented.slice(1).map(({ at }) => at)
    expect(times.length).toBeGreaterThan(40)
    for (let i = 1; i < times.length; i++) expect(Math.abs(times[i]! - times[i - 1]! - INTERVAL)).toBeLessThanOrEqual(4)
  })
  it('are never more than three here, nor forgotten open', async () => {
    const one = hold('fluent', 2000)
    one.take(unit(0))
    one.shown(decoded(0))
    for (let n = 1; n < 12; n++) {
      one.take(unit(n * INTERVAL))
      one.shown(decoded(n * INTERVAL))
      expect(open).toBeLessThanOrEqual(3)
    }
    one.clear()
    expect(open).toBe(0)
    await clock.advance(5000)
    expect(presented).toHaveLength(9)
  })
  it('that the core decoded wait as they are', async () => {
    const one = hold('fluent')
    one.take(unit(0, 10, 3))
    one.take(unit(40, 10, 3))
    await clock.advance(430)
    expect(delivered).toHaveLength(1)
    await clock.advance(15)
    expect(delivered).toHaveLength(2)
  })
})

it('tells how late a picture came', () => {
  const one = hold('fluent')
  one.take(unit(0))
  clock.ms = 140
  one.take(unit(40))
  expect(one.lateness(decoded(40))).toBeCloseTo(100)
})
