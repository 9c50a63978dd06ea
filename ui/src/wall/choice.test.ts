import { describe, expect, it } from 'vitest'
import { streamsFor, type Wish } from './choice'

const wish = (pixels: number, more: Partial<Wish> = {}): Wish => ({ choice: 'auto', pixels, subWidth: 640, now: 'sub', ...more })

describe('the stream of a window', () => {
  it('is the main one where the sub stream would be blown up', () => {
    expect(streamsFor([wish(640)])).toEqual(['sub'])
    expect(streamsFor([wish(1280)])).toEqual(['sub'])
    expect(streamsFor([wish(1281)])).toEqual(['main'])
    expect(streamsFor([wish(3000, { subWidth: null })])).toEqual(['sub'])
  })

  it('does not flap at the edge', () => {
    expect(streamsFor([wish(1100, { now: 'main' })])).toEqual(['main'])
    expect(streamsFor([wish(1000, { now: 'main' })])).toEqual(['sub'])
  })

  it('is what the user chose, whatever its size', () => {
    expect(streamsFor([wish(100, { choice: 'hd' }), wish(3000, { choice: 'fluent' }), wish(100, { choice: 'customMain' }), wish(3000, { choice: 'customSub' })]))
      .toEqual(['main', 'sub', 'main', 'sub'])
  })

  it('is the main one for four windows at most, of one size all or none', () => {
    expect(streamsFor(Array.from({ length: 4 }, () => wish(1400)))).toEqual(['main', 'main', 'main', 'main'])
    expect(new Set(streamsFor(Array.from({ length: 9 }, () => wish(1400))))).toEqual(new Set(['sub']))
    // One large and seven small windows, on a very large screen.
    expect(streamsFor([wish(2880), ...Array.from({ length: 7 }, () => wish(1300))])).toEqual(['main', ...Array.from({ length: 7 }, () => 'sub')])
    // A choice of the user takes no place of those.
    expect(streamsFor([wish(1400, { choice: 'hd' }), ...Array.from({ length: 4 }, () => wish(1400))])).toEqual(Array.from({ length: 5 }, () => 'main'))
  })
})
