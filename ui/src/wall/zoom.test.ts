import { describe, expect, it } from 'vitest'
import { clampZoom, panBy, pinched, type Point, settled, type Size, visiblePart, wheelFactor, WHOLE, type Zoom } from './zoom'

const cell: Size = { width: 400, height: 300 }
const picture: Size = { width: 1920, height: 1080 }

/** Which point of the picture (0..1) is under a pixel of the window. */
function under(zoom: Zoom, at: Point, of = cell, shape = picture): Point {
  const { box, part } = visiblePart(zoom, { x: 0, y: 0, ...of }, shape)
  return { x: part.x + ((at.x - box.x) / box.width) * part.width, y: part.y + ((at.y - box.y) / box.height) * part.height }
}
const near = (got: Point, wanted: Point): void => {
  expect(got.x).toBeCloseTo(wanted.x, 6)
  expect(got.y).toBeCloseTo(wanted.y, 6)
}

describe('zoom', () => {
  it('whole is letterboxed as before', () => {
    expect(visiblePart(WHOLE, { x: 10, y: 20, ...cell }, picture)).toEqual({
      box: { x: 10, y: 57, width: 400, height: 225 }, part: { x: 0, y: 0, width: 1, height: 1 },
    })
  })

  it('fills the window as it grows, and stays black where there is nothing', () => {
    const a = visiblePart({ scale: 1.2, x: 0.5, y: 0.5 }, { x: 0, y: 0, ...cell }, picture)
    expect(a.box).toEqual({ x: 0, y: 15, width: 400, height: 270 })
    expect(a.part.width).toBeCloseTo(1 / 1.2)
    expect([a.part.y, a.part.height]).toEqual([0, 1])
    const b = visiblePart({ scale: 8, x: 0.5, y: 0.5 }, { x: 0, y: 0, ...cell }, picture)
    expect(b.box).toEqual({ x: 0, y: 0, ...cell })
    expect(b.part.width).toBeCloseTo(1 / 8)
    expect(b.part.height).toBeCloseTo(300 / (225 * 8))
  })

  it.each([[2, 300, 200], [3.3, 60, 150], [8, 200, 150], [5, 399, 250]])('%f times keeps what is under %i,%i', (factor, x, y) => {
    const at = { x, y }
    // Far enough from the edges that nothing is clamped.
    const from = pinched({ scale: 1.9, x: 0.5, y: 0.5 }, 1, at, at, cell, picture)
    const before = under(from, at)
    near(under(pinched(from, factor, at, at, cell, picture), at), before)
  })

  it('the point between the fingers goes where they go', () => {
    const from = { scale: 2, x: 0.5, y: 0.5 }
    near(under(pinched(from, 2, { x: 150, y: 120 }, { x: 230, y: 170 }, cell, picture), { x: 230, y: 170 }), under(from, { x: 150, y: 120 }))
  })

  it('ends at eight times, at the whole, and at every edge', () => {
    const at = { x: 100, y: 100 }
    expect(pinched(WHOLE, 100, at, at, cell, picture).scale).toBe(8)
    expect(pinched({ scale: 3, x: 0.2, y: 0.2 }, 0.1, at, at, cell, picture)).toEqual(WHOLE)
    const left = panBy({ scale: 4, x: 0.5, y: 0.5 }, 10_000, 10_000, cell, picture)
    near(under(left, { x: 0, y: 0 }), { x: 0, y: 0 })
    const right = panBy({ scale: 4, x: 0.5, y: 0.5 }, -10_000, -10_000, cell, picture)
    near(under(right, { x: 400, y: 300 }), { x: 1, y: 1 })
    // Not yet as high as the window: it stays in the middle.
    expect(panBy({ scale: 1.2, x: 0.5, y: 0.5 }, 0, 500, cell, picture).y).toBe(0.5)
    expect(clampZoom({ scale: NaN, x: NaN, y: 0 }, cell, picture)).toEqual(WHOLE)
  })

  it('a finger takes the picture along', () => {
    const from = { scale: 4, x: 0.5, y: 0.5 }
    near(under(panBy(from, 37, -12, cell, picture), { x: 237, y: 138 }), under(from, { x: 200, y: 150 }))
  })

  it('another stream, another layout: the same part', () => {
    const zoom = pinched(WHOLE, 4, { x: 250, y: 140 }, { x: 250, y: 140 }, cell, picture)
    const middle = under(zoom, { x: 200, y: 150 })
    near(under(zoom, { x: 200, y: 150 }, cell, { width: 640, height: 360 }), middle)
    near(under(zoom, { x: 400, y: 225 }, { width: 800, height: 450 }), middle)
  })

  it('a pinch that ends next to the whole is the whole', () => {
    expect(settled({ scale: 1.03, x: 0.49, y: 0.5 })).toBe(WHOLE)
    expect(settled({ scale: 1.1, x: 0.49, y: 0.5 }).scale).toBe(1.1)
  })

  it('a wheel counts the same in pixels and lines, and back is back', () => {
    const turn = (deltaY: number, deltaMode = 0, ctrlKey = false): number => wheelFactor({ deltaY, deltaMode, ctrlKey })
    expect(turn(-100)).toBeGreaterThan(1.2)
    expect(turn(-100) * turn(100)).toBeCloseTo(1)
    expect(turn(-3, 1)).toBeCloseTo(turn(-99))
    expect(turn(-5, 0, true)).toBeGreaterThan(turn(-5))
    expect(turn(-9999)).toBeLessThan(2)
  })
})
