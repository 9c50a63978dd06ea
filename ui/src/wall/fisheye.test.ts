import { describe, expect, it } from 'vitest'
import { dewarpOf, type Fisheye, type FisheyeView, lensPoint, lensZoomBy, type Mount, startOf, turnBy, turns, viewSize, viewsOf } from './fisheye'

const square = { width: 1000, height: 1000 }
const at = (fisheye: Fisheye, x: number, y: number, size = square): [number, number] | null => {
  const point = lensPoint(dewarpOf(fisheye, size), x, y)
  return point === null ? null : [point.x, point.y]
}
const near = (got: [number, number] | null, wanted: [number, number]): void => {
  expect(got).not.toBeNull()
  expect(got?.[0]).toBeCloseTo(wanted[0], 6)
  expect(got?.[1]).toBeCloseTo(wanted[1], 6)
}
const start = (mount: Mount, view: FisheyeView, more: Partial<Fisheye> = {}): Fisheye => ({ ...startOf(mount, view), ...more })
/** On the circle, so many degrees clockwise from its top, so far out of its middle. */
const polar = (degrees: number, out: number): [number, number] =>
  [0.5 + 0.5 * out * Math.sin((degrees * Math.PI) / 180), 0.5 - 0.5 * out * Math.cos((degrees * Math.PI) / 180)]

describe('fisheye', () => {
  it('ceiling: the horizon is the rim, heading 0 the top, clockwise as on a map; the floor is inside', () => {
    const panorama = start('ceiling', 'panorama')
    near(at(panorama, 0.5, 0), polar(0, 1))
    near(at(panorama, 0.75, 0), polar(90, 1))
    near(at(panorama, 0.25, 0), polar(-90, 1))
    near(at(panorama, 0, 0), polar(180, 1))
    near(at(panorama, 1, 0), polar(180, 1))
    // 40° down is half way of the strip: 50° from the axis.
    near(at(panorama, 0.5, 0.5), polar(0, 50 / 90))
    near(at(panorama, 0.625, 1), polar(45, 10 / 90))
  })

  it('desk: seen from below a turn to the right runs the other way round; the horizon is at the bottom', () => {
    const panorama = start('desk', 'panorama')
    near(at(panorama, 0.5, 1), polar(0, 1))
    near(at(panorama, 0.75, 1), polar(-90, 1))
    near(at(panorama, 0.5, 0), polar(0, 10 / 90))
  })

  it('wall: the middle is the middle, left is left and up is up', () => {
    const panorama = start('wall', 'panorama')
    near(at(panorama, 0.5, 0.5), [0.5, 0.5])
    near(at(panorama, 1, 0.5), [1, 0.5])
    near(at(panorama, 0.25, 0.5), [0.25, 0.5])
    near(at(panorama, 0.5, 0), polar(0, 50 / 90))
    expect(viewsOf('wall')).not.toContain('double')
    expect(startOf('wall', 'double').view).toBe('panorama')
  })

  it('double: each row is half a turn, and together they are the panorama', () => {
    const double = start('ceiling', 'double', { pan: 30 })
    const panorama = start('ceiling', 'panorama', { pan: 30 })
    for (const [x, y] of [[0.1, 0.2], [0.5, 0.7], [0.99, 0.4]] as const) {
      near(at(double, x, y / 2), at(panorama, x / 2, y) ?? [NaN, NaN])
      near(at(double, x, 0.5 + y / 2), at(panorama, 0.5 + x / 2, y) ?? [NaN, NaN])
    }
  })

  it('pan turns a panorama to the right', () => {
    near(at(start('ceiling', 'panorama', { pan: 90 }), 0.5, 0), polar(90, 1))
    near(at(start('desk', 'panorama', { pan: 90 }), 0.5, 1), polar(-90, 1))
  })

  it.each([
    ['ceiling', 0, -45, polar(0, 0.5)], ['ceiling', 90, -45, polar(90, 0.5)], ['ceiling', 120, -90, polar(0, 0)],
    ['desk', 0, 30, polar(0, 60 / 90)], ['desk', 90, 30, polar(-90, 60 / 90)],
    ['wall', 0, 0, polar(0, 0)], ['wall', 45, 0, polar(90, 0.5)], ['wall', 0, 30, polar(0, 30 / 90)],
  ] as const)('ePTZ on the %s, pan %i tilt %i: the middle of the view', (mount, pan, tilt, wanted) => {
    near(at(start(mount, 'eptz', { pan, tilt }), 0.5, 0.5), wanted as [number, number])
  })

  it('ePTZ is upright, not mirrored, and 90° wide at zoom 1', () => {
    const view = start('wall', 'eptz')
    near(at(view, 1, 0.5), polar(90, 0.5))
    near(at(view, 0, 0.5), polar(-90, 0.5))
    const above = at(view, 0.5, 0)
    expect(above?.[1]).toBeLessThan(0.5)
    near(at({ ...view, zoom: 2 }, 1, 0.5), polar(90, Math.atan(0.5) / (Math.PI / 2)))
    // Into the room from the ceiling: up in the view is towards the rim.
    const room = start('ceiling', 'eptz')
    expect(at(room, 0.5, 0.4)?.[1]).toBeLessThan(at(room, 0.5, 0.6)?.[1] ?? 0)
    expect(at(room, 0.6, 0.5)?.[0]).toBeGreaterThan(0.5)
  })

  it('straight lines come out straight', () => {
    // A horizontal edge in front of a wall camera, 1 high at distance 2, x from −1 to 1.
    const view = start('wall', 'eptz')
    const heights = [-1, -0.5, 0, 0.5, 1].map((x) => {
      // Where the lens draws it.
      const aside = Math.hypot(x, 1)
      const out = Math.atan2(aside, 2) / (Math.PI / 2) / 2
      const wanted: [number, number] = [0.5 + (out * x) / aside, 0.5 - out / aside]
      // Where the view shows it: search down the column that looks at that heading.
      const column = 0.5 + x / 2 / 2
      let [low, high] = [0, 0.5]
      for (let i = 0; i < 40; i++) {
        const y = (low + high) / 2
        if ((at(view, column, y)?.[1] ?? 0) < wanted[1]) low = y
        else high = y
      }
      expect(at(view, column, low)?.[0]).toBeCloseTo(wanted[0], 5)
      return low
    })
    for (const height of heights) expect(height).toBeCloseTo(heights[0] ?? NaN, 5)
  })

  it('the circle is the largest that fits, or the one set by hand; beyond it is nothing', () => {
    const wide = { width: 1600, height: 800 }
    near(at(start('ceiling', 'panorama'), 0.75, 0, wide), [0.75, 0.5])
    const circle = { x: 0.4, y: 0.6, radius: 0.25 }
    near(at(start('ceiling', 'panorama', { circle }), 0.75, 0, wide), [0.4 + 0.125, 0.6])
    near(at(start('ceiling', 'panorama', { circle }), 0.5, 0, wide), [0.4, 0.6 - 0.25])
    // Looking at the horizon, half of the view is above what the lens sees.
    expect(at(start('ceiling', 'eptz', { tilt: 0 }), 0.5, 0.2)).toBeNull()
    // A circle larger than the picture is cut off by it.
    expect(at(start('ceiling', 'panorama', { circle: { x: 0.5, y: 0.5, radius: 0.8 } }), 0.5, 0)).toBeNull()
  })

  it('a finger takes the view along', () => {
    const panorama = start('ceiling', 'panorama')
    near(at(turnBy(panorama, 0.1, 0), 0.6, 0.3), at(panorama, 0.5, 0.3) ?? [NaN, NaN])
    const double = start('desk', 'double')
    near(at(turnBy(double, 0.1, 0), 0.6, 0.3), at(double, 0.5, 0.3) ?? [NaN, NaN])
    const eptz = start('wall', 'eptz', { zoom: 4 })
    const [x, y] = at(turnBy(eptz, 0.05, 0.05), 0.55, 0.55) ?? [NaN, NaN]
    const [wantedX, wantedY] = at(eptz, 0.5, 0.5) ?? [NaN, NaN]
    expect(x).toBeCloseTo(wantedX, 2)
    expect(y).toBeCloseTo(wantedY, 2)
  })

  it('the view goes round and round, but not over the top', () => {
    expect(turnBy(start('ceiling', 'panorama', { pan: 170 }), -0.1, 0).pan).toBe(-154)
    expect(turnBy(start('ceiling', 'eptz'), 0, 20).tilt).toBe(0)
    expect(turnBy(start('ceiling', 'eptz'), 0, -20).tilt).toBe(-90)
    expect(turnBy(start('wall', 'eptz'), -20, 0).pan).toBe(85)
    const still = start('wall', 'panorama')
    expect(turns(still)).toBe(false)
    expect(turnBy(still, 0.5, 0)).toBe(still)
  })

  it('zooms at the fingers, one to eight times', () => {
    const view = start('wall', 'eptz')
    const next = lensZoomBy(view, 2, 0.8, 0.5)
    expect(next.zoom).toBe(2)
    near(at(next, 0.8, 0.5), at(view, 0.8, 0.5) ?? [NaN, NaN])
    expect(lensZoomBy(next, 100, 0.5, 0.5).zoom).toBe(8)
    expect(lensZoomBy(next, 0.01, 0.5, 0.5).zoom).toBe(1)
  })

  it('a degree is as long down as across', () => {
    expect(viewSize(start('ceiling', 'panorama'))).toEqual({ width: 360, height: 80 })
    expect(viewSize(start('desk', 'double'))).toEqual({ width: 180, height: 160 })
    expect(viewSize(start('wall', 'panorama'))).toEqual({ width: 180, height: 100 })
  })
})
