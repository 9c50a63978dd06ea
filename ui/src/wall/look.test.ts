import { describe, expect, it } from 'vitest'
import { startOf } from './fisheye'
import { colourOf, isPlain, isSideways, type Look, PLAIN, placeOf, shownSize, towards, unturned } from './look'

const show = (look: Partial<Look>, rgb: [number, number, number]): number[] => {
  const { matrix: m, offset } = colourOf({ ...PLAIN, ...look })
  return [0, 1, 2].map((row) => (m[row] ?? 0) * rgb[0] + (m[row + 3] ?? 0) * rgb[1] + (m[row + 6] ?? 0) * rgb[2] + offset)
}
/** The corner of the picture seen in a corner of the window; x right, y down, from the centre. */
const seen = (look: Partial<Look>, x: number, y: number): number[] => {
  const p = placeOf({ ...PLAIN, ...look })
  return [(p[0] ?? 0) * x + (p[2] ?? 0) * y + 0, (p[1] ?? 0) * x + (p[3] ?? 0) * y + 0]
}
const near = (got: number[], wanted: number[]): void => got.forEach((value, at) => expect(value).toBeCloseTo(wanted[at] ?? NaN, 2))

describe('look', () => {
  it('plain changes nothing', () => {
    near(show({}, [0.2, 0.5, 0.9]), [0.2, 0.5, 0.9])
    expect(seen({}, -1, -1)).toEqual([-1, -1])
    expect(isPlain(PLAIN)).toBe(true)
    expect(isPlain({ ...PLAIN, hue: 51 })).toBe(false)
  })

  it('levels do what their names say', () => {
    near(show({ brightness: 100 }, [0.2, 0.2, 0.2]), [0.7, 0.7, 0.7])
    near(show({ contrast: 0 }, [0.9, 0.1, 0.3]), [0.5, 0.5, 0.5])
    near(show({ contrast: 100 }, [0.75, 0.25, 0.5]), [1, 0, 0.5])
    const grey = show({ saturation: 0 }, [1, 0, 0])
    near(grey, [0.2126, 0.2126, 0.2126])
    near(show({ hue: 80 }, [0.4, 0.4, 0.4]), [0.4, 0.4, 0.4])
    const turned = show({ hue: 83.3333 }, [1, 0, 0])
    expect(turned[1]).toBeGreaterThan(turned[0] ?? 1)
  })

  it('a turn of 90° clockwise shows the lower left corner at the upper left', () => {
    expect(seen({ turn: 90 }, -1, -1)).toEqual([-1, 1])
    expect(seen({ turn: 270 }, -1, -1)).toEqual([1, -1])
    expect(seen({ turn: 180 }, -1, -1)).toEqual([1, 1])
    expect(isSideways({ ...PLAIN, turn: 90 })).toBe(true)
    expect(isSideways({ ...PLAIN, turn: 180 })).toBe(false)
  })

  it('a turned picture has its sides changed, a straightened one its own shape', () => {
    expect(shownSize(PLAIN, 640, 360)).toEqual({ width: 640, height: 360 })
    expect(shownSize({ ...PLAIN, turn: 270 }, 640, 360)).toEqual({ width: 360, height: 640 })
    const fisheye = startOf('ceiling', 'panorama')
    expect(shownSize({ ...PLAIN, fisheye }, 640, 360)).toEqual({ width: 360, height: 80 })
    expect(shownSize({ ...PLAIN, fisheye, turn: 90 }, 640, 360)).toEqual({ width: 80, height: 360 })
    expect(isPlain({ ...PLAIN, fisheye })).toBe(false)
  })

  it('finds in the picture what is seen in the window', () => {
    expect(unturned({ ...PLAIN, flipX: true }, 0.25, 0.75)).toEqual({ x: 0.75, y: 0.75 })
    expect(unturned({ ...PLAIN, turn: 90 }, 0, 0)).toEqual({ x: 0, y: 1 })
    expect(unturned({ ...PLAIN, turn: 90, flipX: true }, 0, 0)).toEqual({ x: 0, y: 0 })
  })

  it('a camera goes where the finger goes in what is seen', () => {
    expect(towards(PLAIN, 0.4, 0.2)).toEqual({ right: 0.4, up: 0.2 })
    expect(towards({ ...PLAIN, flipX: true }, 1, 0.5)).toEqual({ right: -1, up: 0.5 })
    expect(towards({ ...PLAIN, turn: 180 }, 1, 0.5)).toEqual({ right: -1, up: -0.5 })
    // Turned clockwise, what is up in the window is left in the picture.
    expect(towards({ ...PLAIN, turn: 90 }, 0, 1)).toEqual({ right: -1, up: 0 })
    expect(towards({ ...PLAIN, turn: 90, flipY: true }, 0, 1)).toEqual({ right: 1, up: 0 })
  })

  it('mirrors', () => {
    expect(seen({ flipX: true }, -1, -1)).toEqual([1, -1])
    expect(seen({ flipY: true }, -1, -1)).toEqual([-1, 1])
  })
})
