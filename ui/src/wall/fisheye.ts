/**
 * Straightening the round picture of a fisheye lens. Pure, and free of imports: the shader in webgl.ts does the same
 * with the same numbers, and tests compare the two.
 *
 * The world: x to the right of heading 0, y along heading 0, z up. Headings (pan) count clockwise seen from above,
 * elevations (tilt) upwards from the horizon, both in degrees. The lens: x right and y down in its picture, z out of
 * it. The lens is taken as equidistant (the angle from its axis grows evenly with the distance from the circle's
 * middle), as makers of surveillance cameras build them, and sees 180° from rim to rim.
 */

export type Mount = 'ceiling' | 'wall' | 'desk'
/** `double`: the full turn in two rows of 180°. `eptz`: a straight picture that is turned and zoomed. */
export type FisheyeView = 'panorama' | 'double' | 'eptz'

/** Middle in 0..1 across and down the picture; radius in shorter sides of the picture. */
export interface Circle { x: number; y: number; radius: number }

export interface Fisheye {
  readonly mount: Mount
  readonly view: FisheyeView
  readonly pan: number
  /** Of `eptz` alone, as is `zoom`. */
  readonly tilt: number
  /** 1..8 */
  readonly zoom: number
  /** null: the largest circle that fits into the picture. */
  readonly circle: Readonly<Circle> | null
}

export const INSCRIBED: Readonly<Circle> = { x: 0.5, y: 0.5, radius: 0.5 }
export const RADIUS_RANGE = { min: 0.2, max: 1 } as const
const MAX_LENS_ZOOM = 8
const RIM_DEGREES = 90
/** What `eptz` sees across at zoom 1; a straight picture cannot see much more without smearing its corners. */
const EPTZ_DEGREES = 90
const EPTZ_ASPECT = 16 / 9

const rad = (degrees: number): number => (degrees * Math.PI) / 180
const deg = (radians: number): number => (radians * 180) / Math.PI

/** A wall hides half of the world, so there is no full turn to see. */
export function viewsOf(mount: Mount): readonly FisheyeView[] {
  return mount === 'wall' ? ['panorama', 'eptz'] : ['panorama', 'double', 'eptz']
}

/** Where a view begins: into the room, half way between the horizon and the middle of the lens. */
export function startOf(mount: Mount, view: FisheyeView, circle: Readonly<Circle> | null = null): Fisheye {
  const tilt = { ceiling: -45, wall: 0, desk: 45 }[mount]
  return { mount, view: viewsOf(mount).includes(view) ? view : 'panorama', pan: 0, tilt, zoom: 1, circle }
}

/** The elevations that a panorama shows, top first. Towards the middle of the lens there is little left to unroll. */
const ELEVATIONS = { ceiling: [0, -80], wall: [50, -50], desk: [80, 0] } as const

const turnOf = (mount: Mount): number => (mount === 'wall' ? 180 : 360)

/** The shape of a view; only the ratio matters. Degrees are as long down as they are across. */
export function viewSize({ mount, view }: Fisheye): { width: number; height: number } {
  if (view === 'eptz') return { width: 1600, height: 900 }
  const height = ELEVATIONS[mount][0] - ELEVATIONS[mount][1]
  return view === 'double' ? { width: turnOf(mount) / 2, height: height * 2 } : { width: turnOf(mount), height }
}

/** Numbers of the mapping, as the shader takes them. Angles in radians. */
export interface Dewarp {
  /** Rows of a panorama; 0: a straight picture. */
  rows: number
  /** Heading at the left, width, elevation at the top, height downwards. */
  span: readonly [number, number, number, number]
  /** Of a straight picture: to its right edge, to its upper edge, forward; each x, y, z of the world. */
  gaze: readonly [number, number, number, number, number, number, number, number, number]
  /** World to lens, column-major: where x, y and z of the world lie in the lens. */
  toLens: readonly [number, number, number, number, number, number, number, number, number]
  /** Middle, and radius across and down, all 0..1 of the picture. */
  circle: readonly [number, number, number, number]
  /** Angle from the axis at the circle's edge. */
  rim: number
}

/**
 * How the lens hangs. Heading 0 is the top of the picture for ceiling and desk. Looking down from the ceiling, right in
 * the picture is right of heading 0; looking up from a desk it is left of it.
 */
const TO_LENS = {
  ceiling: [1, 0, 0, 0, -1, 0, 0, 0, -1],
  wall: [1, 0, 0, 0, 0, 1, 0, -1, 0],
  desk: [-1, 0, 0, 0, -1, 0, 0, 0, 1],
} as const

function halfWidthOf(zoom: number): number {
  return Math.tan(rad(EPTZ_DEGREES / 2)) / zoom
}

export function dewarpOf(fisheye: Fisheye, picture: { width: number; height: number }): Dewarp {
  const { mount, view } = fisheye
  const { x, y, radius } = fisheye.circle ?? INSCRIBED
  const pixels = radius * Math.min(picture.width, picture.height)
  const turn = turnOf(mount)
  // A wall's panorama is all there is; nothing could come in from the side.
  const middle = mount === 'wall' ? 0 : fisheye.pan
  const [top, bottom] = ELEVATIONS[mount]
  const [a, e] = [rad(fisheye.pan), rad(fisheye.tilt)]
  const across = halfWidthOf(fisheye.zoom)
  const up = across / EPTZ_ASPECT
  return {
    rows: view === 'eptz' ? 0 : view === 'double' ? 2 : 1,
    span: [rad(middle - turn / 2), rad(turn), rad(top), rad(top - bottom)],
    gaze: [
      Math.cos(a) * across, -Math.sin(a) * across, 0,
      -Math.sin(e) * Math.sin(a) * up, -Math.sin(e) * Math.cos(a) * up, Math.cos(e) * up,
      Math.cos(e) * Math.sin(a), Math.cos(e) * Math.cos(a), Math.sin(e),
    ],
    toLens: TO_LENS[mount],
    circle: [x, y, pixels / picture.width, pixels / picture.height],
    rim: rad(RIM_DEGREES),
  }
}

type Vector = [number, number, number]

/** The direction in the world of a point of the view, 0..1 across and down. */
export function directionAt({ rows, span, gaze: g }: Dewarp, x: number, y: number): Vector {
  if (rows === 0) {
    const [right, up] = [x * 2 - 1, 1 - y * 2]
    const v: Vector = [g[0] * right + g[3] * up + g[6], g[1] * right + g[4] * up + g[7], g[2] * right + g[5] * up + g[8]]
    const length = Math.hypot(...v)
    return [v[0] / length, v[1] / length, v[2] / length]
  }
  const row = Math.min(rows - 1, Math.floor(y * rows))
  const heading = span[0] + (span[1] * (x + row)) / rows
  const elevation = span[2] - span[3] * (y * rows - row)
  return [Math.cos(elevation) * Math.sin(heading), Math.cos(elevation) * Math.cos(heading), Math.sin(elevation)]
}

/** Where in the picture (0..1 across and down) a point of the view comes from; null where the lens saw nothing. */
export function lensPoint(dewarp: Dewarp, x: number, y: number): { x: number; y: number } | null {
  const [wx, wy, wz] = directionAt(dewarp, x, y)
  const { toLens: m, circle, rim } = dewarp
  const lx = m[0] * wx + m[3] * wy + m[6] * wz
  const ly = m[1] * wx + m[4] * wy + m[7] * wz
  const lz = m[2] * wx + m[5] * wy + m[8] * wz
  const aside = Math.hypot(lx, ly)
  const distance = Math.atan2(aside, lz) / rim
  // The rim itself belongs to the picture, whatever rounding says.
  if (distance > 1.0001) return null
  const along = aside > 1e-6 ? distance / aside : 0
  const at = { x: circle[0] + circle[2] * along * lx, y: circle[1] + circle[3] * along * ly }
  return at.x < 0 || at.x > 1 || at.y < 0 || at.y > 1 ? null : at
}

/** Heading and elevation of a direction, degrees. */
function anglesOf([x, y, z]: Vector): { pan: number; tilt: number } {
  return { pan: deg(Math.atan2(x, y)), tilt: deg(Math.asin(Math.max(-1, Math.min(1, z)))) }
}

function wrap(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180
}

const within = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** Headings and elevations that exist for a mount; the view's middle stays inside the lens's circle. */
function kept(fisheye: Fisheye): Fisheye {
  const { mount } = fisheye
  const [low, high] = { ceiling: [-90, 0], wall: [-85, 85], desk: [0, 90] }[mount] as [number, number]
  return {
    ...fisheye,
    pan: mount === 'wall' ? within(fisheye.pan, -85, 85) : wrap(fisheye.pan),
    tilt: within(fisheye.tilt, low, high),
    zoom: within(fisheye.zoom, 1, MAX_LENS_ZOOM),
  }
}

/** Whether a sideways drag turns the view: the wall's panorama shows all there is. */
export function turns({ mount, view }: Fisheye): boolean {
  return view === 'eptz' || mount !== 'wall'
}

/** The view follows a finger that moved `dx` widths and `dy` heights of it. */
export function turnBy(fisheye: Fisheye, dx: number, dy: number): Fisheye {
  if (!turns(fisheye)) return fisheye
  if (fisheye.view !== 'eptz') {
    const seen = fisheye.view === 'double' ? turnOf(fisheye.mount) / 2 : turnOf(fisheye.mount)
    return kept({ ...fisheye, pan: fisheye.pan - dx * seen })
  }
  const across = 2 * deg(Math.atan(halfWidthOf(fisheye.zoom)))
  const down = 2 * deg(Math.atan(halfWidthOf(fisheye.zoom) / EPTZ_ASPECT))
  // Straight down, a small way across is many headings.
  const crowding = Math.max(0.25, Math.cos(rad(fisheye.tilt)))
  return kept({ ...fisheye, pan: fisheye.pan - (dx * across) / crowding, tilt: fisheye.tilt + dy * down })
}

/** `factor` times closer, with what is at `x`, `y` (0..1 of the view) staying there as far as the lens sees. */
export function lensZoomBy(fisheye: Fisheye, factor: number, x: number, y: number): Fisheye {
  const next = kept({ ...fisheye, zoom: fisheye.zoom * factor })
  const square = { width: 1, height: 1 }
  const before = anglesOf(directionAt(dewarpOf(fisheye, square), x, y))
  const after = anglesOf(directionAt(dewarpOf(next, square), x, y))
  return kept({ ...next, pan: next.pan + wrap(before.pan - after.pan), tilt: next.tilt + before.tilt - after.tilt })
}
