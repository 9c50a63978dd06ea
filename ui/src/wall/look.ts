/** How a picture is shown without touching the device: levels, mirroring, turning and straightening, done while drawing. */
import { type Fisheye, viewSize } from './fisheye'

/** Levels 0..100 with 50 as they come; turn in degrees clockwise. */
export interface Look {
  brightness: number
  contrast: number
  saturation: number
  hue: number
  flipX: boolean
  flipY: boolean
  turn: 0 | 90 | 180 | 270
  /** Straightened before it is turned and mirrored; null: as the lens saw it. */
  fisheye: Fisheye | null
}

export const PLAIN: Readonly<Look> = {
  brightness: 50, contrast: 50, saturation: 50, hue: 50, flipX: false, flipY: false, turn: 0, fisheye: null,
}

export function isPlain(look: Readonly<Look>): boolean {
  return (Object.keys(PLAIN) as (keyof Look)[]).every((key) => look[key] === PLAIN[key])
}

type Matrix = readonly [number, number, number, number, number, number, number, number, number]
const IDENTITY: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1]

/** Row-major product. */
function times(a: Matrix, b: Matrix): Matrix {
  const cell = (row: number, column: number): number =>
    (a[row * 3] ?? 0) * (b[column] ?? 0) + (a[row * 3 + 1] ?? 0) * (b[column + 3] ?? 0) + (a[row * 3 + 2] ?? 0) * (b[column + 6] ?? 0)
  return [cell(0, 0), cell(0, 1), cell(0, 2), cell(1, 0), cell(1, 1), cell(1, 2), cell(2, 0), cell(2, 1), cell(2, 2)]
}

/** Luma weights of BT.709. */
const R = 0.2126
const G = 0.7152
const B = 0.0722

function saturate(s: number): Matrix {
  const [r, g, b] = [(1 - s) * R, (1 - s) * G, (1 - s) * B]
  return [r + s, g, b, r, g + s, b, r, g, b + s]
}

/** Turns colours round the grey axis, luma kept (Filter Effects Module, `feColorMatrix` hueRotate, with BT.709 weights). */
function rotateHue(degrees: number): Matrix {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return [
    R + c * (1 - R) - s * R, G - c * G - s * G, B - c * B + s * (1 - B),
    R - c * R + s * 0.143, G + c * (1 - G) + s * 0.14, B - c * B - s * 0.283,
    R - c * R - s * (1 - R), G - c * G + s * G, B + c * (1 - B) + s * B,
  ]
}

/**
 * What a colour 0..1 becomes: `matrix · rgb + offset`, the matrix column-major as WebGL takes it. Brightness shifts by
 * up to half the range, contrast goes from flat to double about middle grey, saturation from grey to double, hue by up
 * to half a turn.
 */
export function colourOf(look: Readonly<Look>): { matrix: Float32Array; offset: number } {
  const contrast = look.contrast / 50
  const saturation = look.saturation / 50
  const hue = ((look.hue - 50) / 50) * 180
  const colour = look.saturation === 50 && look.hue === 50 ? IDENTITY : times(saturate(saturation), rotateHue(hue))
  const m = colour.map((value) => value * contrast)
  return {
    matrix: Float32Array.of(
      m[0] ?? 0, m[3] ?? 0, m[6] ?? 0, m[1] ?? 0, m[4] ?? 0, m[7] ?? 0, m[2] ?? 0, m[5] ?? 0, m[8] ?? 0,
    ),
    offset: 0.5 - 0.5 * contrast + (look.brightness - 50) / 100,
  }
}

/**
 * Where in the picture a point of the window comes from: column-major 2×2 about the centre. The picture is turned, then
 * mirrored as it stands in the window.
 */
export function placeOf(look: Readonly<Look>): Float32Array {
  const turns = { 0: [1, 0, 0, 1], 90: [0, -1, 1, 0], 180: [-1, 0, 0, -1], 270: [0, 1, -1, 0] } as const
  const [a, b, c, d] = turns[look.turn]
  const [x, y] = [look.flipX ? -1 : 1, look.flipY ? -1 : 1]
  return Float32Array.of(a * x, b * x, c * y, d * y)
}

/** Turned by a quarter, a picture's width is its height. */
export function isSideways(look: Readonly<Look>): boolean {
  return look.turn === 90 || look.turn === 270
}

/** The shape of what is shown of a picture of such a size; only the ratio matters. */
export function shownSize(look: Readonly<Look>, width: number, height: number): { width: number; height: number } {
  const shape = look.fisheye === null ? { width, height } : viewSize(look.fisheye)
  return isSideways(look) ? { width: shape.height, height: shape.width } : shape
}

/** Where within what is straightened or as it came a point of the window is, both 0..1 across and down. */
export function unturned(look: Readonly<Look>, x: number, y: number): { x: number; y: number } {
  const [a = 1, b = 0, c = 0, d = 1] = placeOf(look)
  return { x: a * (x - 0.5) + c * (y - 0.5) + 0.5, y: b * (x - 0.5) + d * (y - 0.5) + 0.5 }
}

/** A direction in the window, right and up positive, as the camera must go for it. */
export function towards(look: Readonly<Look>, right: number, up: number): { right: number; up: number } {
  const [a = 1, b = 0, c = 0, d = 1] = placeOf(look)
  return { right: a * right - c * up + 0, up: d * up - b * right + 0 }
}
