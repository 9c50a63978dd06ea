/** Digital zoom of one window. Pure: sizes, fingers and steps in, the part of the picture to be shown out. */
import type { Rect } from './layout'

/**
 * Which point of the picture (0..1 across and down, as it is shown) is in the middle of the window, and how many times
 * larger it is than when all of it is seen. It says nothing of pixels, so another stream, another layout or a turned
 * phone changes nothing of it.
 */
export interface Zoom {
  readonly scale: number
  readonly x: number
  readonly y: number
}

export interface Size { width: number; height: number }
export interface Point { x: number; y: number }

export const WHOLE: Zoom = { scale: 1, x: 0.5, y: 0.5 }
export const MAX_ZOOM = 8
/** One press of + or −. */
export const ZOOM_STEP = 1.25
/** One press of an arrow, in windows. */
export const PAN_STEP = 0.125
/** Less than this was meant as nothing. */
const SNAP = 1.04

export function isWhole(zoom: Zoom): boolean {
  return zoom.scale === 1
}

/** How large all of the picture is, pixels of the window. */
function fullSize(scale: number, cell: Size, picture: Size): Size {
  if (!(picture.width > 0) || !(picture.height > 0)) return { width: cell.width * scale, height: cell.height * scale }
  const fit = Math.min(cell.width / picture.width, cell.height / picture.height) * scale
  return { width: picture.width * fit, height: picture.height * fit }
}

/** Nothing beyond the picture's edges, and the middle where it is smaller than the window. */
export function clampZoom(zoom: Zoom, cell: Size, picture: Size): Zoom {
  const scale = Math.min(MAX_ZOOM, Math.max(1, zoom.scale))
  if (!(scale > 1)) return WHOLE
  const full = fullSize(scale, cell, picture)
  return { scale, x: clampCentre(zoom.x, cell.width / full.width), y: clampCentre(zoom.y, cell.height / full.height) }
}

function clampCentre(at: number, seen: number): number {
  if (!(seen < 1)) return 0.5
  return Math.min(1 - seen / 2, Math.max(seen / 2, at))
}

/**
 * `factor` times larger, with the point of the picture that was at `from` (pixels from the window's corner) now at `to`:
 * two fingers that spread and move.
 */
export function pinched(zoom: Zoom, factor: number, from: Point, to: Point, cell: Size, picture: Size): Zoom {
  const scale = Math.min(MAX_ZOOM, Math.max(1, zoom.scale * factor))
  const before = fullSize(zoom.scale, cell, picture)
  const after = fullSize(scale, cell, picture)
  return clampZoom({
    scale,
    x: zoom.x + (from.x - cell.width / 2) / before.width - (to.x - cell.width / 2) / after.width,
    y: zoom.y + (from.y - cell.height / 2) / before.height - (to.y - cell.height / 2) / after.height,
  }, cell, picture)
}

/** The picture follows a finger that moved so many pixels. */
export function panBy(zoom: Zoom, dx: number, dy: number, cell: Size, picture: Size): Zoom {
  const full = fullSize(zoom.scale, cell, picture)
  return clampZoom({ scale: zoom.scale, x: zoom.x - dx / full.width, y: zoom.y - dy / full.height }, cell, picture)
}

/** What is left of a pinch that ended next to the whole picture. */
export function settled(zoom: Zoom): Zoom {
  return zoom.scale < SNAP ? WHOLE : zoom
}

/**
 * The factor of a turn of the wheel; a notch is about 100 px in most engines and 3 lines in others. Two fingers spread
 * on a touch pad come as small turns with the control key held.
 */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }: Pick<WheelEvent, 'deltaY' | 'deltaMode' | 'ctrlKey'>): number {
  const lines = deltaMode === 0 ? deltaY : deltaMode === 1 ? deltaY * 33 : deltaY * 400
  const pixels = ctrlKey ? lines * 4 : lines
  return Math.exp(-Math.max(-240, Math.min(240, pixels)) * 0.0022)
}

/** Where to draw within `cell`, whole pixels, and which part of the picture (0..1) goes there. */
export function visiblePart(zoom: Zoom, cell: Rect, picture: Size): { box: Rect; part: Rect } {
  const { scale, x, y } = clampZoom(zoom, cell, picture)
  const full = fullSize(scale, cell, picture)
  const across = visibleSpan(cell.x, cell.width, full.width, x)
  const down = visibleSpan(cell.y, cell.height, full.height, y)
  return {
    box: { x: across.from, y: down.from, width: across.length, height: down.length },
    part: { x: across.start, y: down.start, width: across.share, height: down.share },
  }
}

function visibleSpan(cellFrom: number, cell: number, full: number, centre: number): { from: number; length: number; start: number; share: number } {
  if (full <= cell + 0.5) {
    const length = Math.max(1, Math.round(full))
    return { from: cellFrom + Math.floor((cell - length) / 2), length, start: 0, share: 1 }
  }
  const share = cell / full
  return { from: cellFrom, length: cell, start: centre - share / 2, share }
}
