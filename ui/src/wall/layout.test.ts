import { describe, expect, it } from 'vitest'
import {
  asLayout, clampPage, contain, fittingLayout, GAP, layoutRects, LAYOUTS, neighbour, pageCount, pageIndices, pageOf, rectAt, type Rect,
} from './layout'

const SIZES: [number, number][] = [[390, 844], [844, 390], [820, 1180], [1280, 800]]
const COUNTS = LAYOUTS
/** Those whose familiar shape is a square. */
const SQUARES: readonly number[] = [1, 4, 9, 16]

describe('layoutRects', () => {
  it.each([
    [390, 844, 1, 1], [390, 680, 4, 1], [390, 680, 9, 2], [390, 680, 16, 2],
    [844, 390, 4, 2], [844, 390, 9, 3], [844, 390, 16, 4],
    [820, 1180, 4, 1], [820, 1180, 16, 3], [1280, 800, 9, 3], [1280, 800, 16, 4],
    [390, 680, 2, 1], [844, 390, 2, 2], [390, 680, 6, 2], [844, 390, 6, 3], [390, 680, 8, 2], [844, 390, 8, 4],
    [390, 680, 12, 2], [844, 390, 12, 4], [820, 1180, 12, 2], [1280, 800, 12, 3], [1280, 700, 12, 4],
  ] as const)('%i×%i in %i: %i columns', (w, h, n, columns) => {
    expect(new Set(layoutRects(n, w, h).map((r) => r.x)).size).toBe(columns)
  })
  it.each([
    [390, 844, 1, { x: 0, y: 312, width: 390, height: 219 }],
    [844, 390, 1, { x: 75, y: 0, width: 693, height: 390 }],
    [844, 390, 4, { x: 76, y: 0, width: 345, height: 194 }],
    [1280, 800, 16, { x: 1, y: 39, width: 318, height: 179 }],
  ] as const)('%i×%i in %i: first window', (w, h, n, first) => {
    expect(layoutRects(n, w, h)[0]).toEqual(first)
  })

  for (const [w, h] of SIZES) {
    for (const n of COUNTS) {
      const rects = layoutRects(n, w, h)
      it(`${w}×${h} in ${n}: inside, not overlapping, apart by the gap`, () => {
        expect(rects).toHaveLength(n)
        for (const r of rects) {
          expect(r.x).toBeGreaterThanOrEqual(0)
          expect(r.y).toBeGreaterThanOrEqual(0)
          expect(r.x + r.width).toBeLessThanOrEqual(w)
          expect(r.y + r.height).toBeLessThanOrEqual(h)
          for (const other of rects) {
            if (other === r) continue
            const apart = r.x + r.width + GAP <= other.x || other.x + other.width + GAP <= r.x ||
              r.y + r.height + GAP <= other.y || other.y + other.height + GAP <= r.y
            expect(apart).toBe(true)
          }
        }
      })
      if (SQUARES.includes(n)) it(`${w}×${h} in ${n}: no square grid shows a larger 16:9 picture`, () => {
        const side = Math.sqrt(n)
        const fitted = contain(rects[0]!, 16, 9)
        const square = contain({ x: 0, y: 0, width: (w - GAP * (side - 1)) / side, height: (h - GAP * (side - 1)) / side }, 16, 9)
        expect(fitted.width * fitted.height).toBeGreaterThan(0.96 * square.width * square.height)
        expect(rects[0]!.width / rects[0]!.height).toBeCloseTo(16 / 9, 1)
      })
    }
  }

  it.each([
    [1280, 720, 6], [1280, 720, 8], [1920, 1000, 6], [1920, 1000, 8], [844, 390, 8],
  ] as const)('%i×%i in %i: one large window beside small ones', (w, h, n) => {
    const [large, ...small] = layoutRects(n, w, h) as [Rect, ...Rect[]]
    const side = n / 2
    expect(large.width).toBe(small[0]!.width * (side - 1) + GAP * (side - 2))
    expect(large.height).toBe(small[0]!.height * (side - 1) + GAP * (side - 2))
    for (const one of small) expect([one.width, one.height]).toEqual([small[0]!.width, small[0]!.height])
    expect(Math.max(...small.map((r) => r.x + r.width)) - large.x).toBe(small[0]!.width * side + GAP * (side - 1))
  })
  it.each([[390, 680], [820, 1180], [600, 800]] as const)('%i×%i: six and eight are even where a large one would cost the others', (w, h) => {
    for (const n of [6, 8] as const) expect(new Set(layoutRects(n, w, h).map((r) => r.width)).size).toBe(1)
  })

  it('takes the shape of the picture in portrait', () => {
    expect(layoutRects(1, 400, 800, 4 / 3)[0]).toEqual({ x: 0, y: 250, width: 400, height: 300 })
  })
  it('shrinks a wall that is too tall', () => {
    expect(layoutRects(4, 300, 301, 0.5)[0]!.height).toBe(149)
  })
  it('has nothing to place in nothing', () => {
    expect(layoutRects(4, 0, 100)).toEqual([])
  })
})

describe('pages', () => {
  it.each([[0, 4, 1], [4, 4, 1], [5, 4, 2], [16, 1, 16], [17, 16, 2]] as const)('%i channels in %i: %i', (c, n, pages) => {
    expect(pageCount(c, n)).toBe(pages)
  })
  it('clamps and numbers', () => {
    expect([clampPage(-1, 3), clampPage(2, 3), clampPage(9, 3), clampPage(NaN, 3)]).toEqual([0, 2, 2, 0])
    expect(pageIndices(1, 4)).toEqual([4, 5, 6, 7])
    expect(pageOf(8, 9)).toBe(0)
    expect(pageOf(9, 9)).toBe(1)
  })
})

describe('contain', () => {
  it('letterboxes and centres', () => {
    expect(contain({ x: 10, y: 0, width: 200, height: 200 }, 16, 9)).toEqual({ x: 10, y: 43, width: 200, height: 113 })
    expect(contain({ x: 0, y: 0, width: 200, height: 50 }, 4, 3)).toEqual({ x: 66, y: 0, width: 67, height: 50 })
  })
})

describe('neighbour', () => {
  const grid = layoutRects(4, 800, 600)
  it.each([
    [0, 'right', 1], [0, 'down', 2], [3, 'left', 2], [3, 'up', 1], [0, 'left', null], [1, 'right', 2], [2, 'left', 1], [3, 'right', null], [2, 'down', null], [9, 'up', null],
  ] as const)('of %i to the %s is %s', (from, direction, want) => {
    expect(neighbour(grid, from, direction)).toBe(want)
  })
  it('goes round a large window', () => {
    const six = layoutRects(6, 1280, 720)
    expect([neighbour(six, 0, 'right'), neighbour(six, 0, 'down'), neighbour(six, 2, 'left'), neighbour(six, 4, 'up')]).toEqual([1, 3, 0, 0])
    expect([neighbour(six, 3, 'right'), neighbour(six, 5, 'up'), neighbour(six, 1, 'down')]).toEqual([4, 2, 2])
  })
  it('reaches every window from every other', () => {
    for (const [w, h] of SIZES) {
      for (const n of COUNTS) {
        const rects = layoutRects(n, w, h)
        const reached = new Set([0])
        const walk = (at: number): void => {
          for (const direction of ['left', 'right', 'up', 'down'] as const) {
            const to = neighbour(rects, at, direction)
            if (to === null || reached.has(to)) continue
            reached.add(to)
            walk(to)
          }
        }
        walk(0)
        expect(reached.size, `${w}×${h} in ${n}`).toBe(n)
      }
    }
  })
})

describe('choosing', () => {
  it('knows its layouts', () => {
    expect([asLayout(12), asLayout(5), asLayout(0)]).toEqual([12, 4, 4])
    expect([0, 1, 2, 3, 7, 10, 13, 99].map(fittingLayout)).toEqual([1, 1, 2, 4, 8, 12, 16, 16])
  })
  it('finds the window at a point', () => {
    const grid = layoutRects(4, 800, 600)
    expect([rectAt(grid, 10, 100), rectAt(grid, 799, 500), rectAt(grid, 10, 10)]).toEqual([0, 3, null])
  })
})
