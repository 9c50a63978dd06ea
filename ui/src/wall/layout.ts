/** Where the windows of the wall go. Pure: sizes in, rectangles out, all in CSS pixels. */

export const LAYOUTS = [1, 2, 4, 6, 8, 9, 12, 16] as const
export type LayoutCount = (typeof LAYOUTS)[number]

/** The layout of that many windows, or four where there is none. */
export function asLayout(count: number): LayoutCount {
  return LAYOUTS.find((known) => known === count) ?? 4
}

/** The smallest wall that shows so many channels at once, or the largest there is. */
export function fittingLayout(channels: number): LayoutCount {
  return LAYOUTS.find((count) => count >= channels) ?? 16
}

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}

/** Between windows. Thin, so that a phone wastes nothing. */
export const GAP = 2
const VIDEO_ASPECT = 16 / 9

/** A familiar grid, the nearest to a square, is kept unless another shape makes the pictures this much larger. */
const WORTH_LEAVING_THE_SQUARE = 1.15

/** One large window and small ones round two of its sides: windows per side of the square they make. */
const ONE_LARGE: Partial<Record<LayoutCount, number>> = { 6: 3, 8: 4 }
/** All pictures together must gain so much by it, and the small ones keep so much of their width. */
const WORTH_ONE_LARGE = 1.1
const SMALL_KEEP = 0.7

/**
 * Rectangles of one page, row by row.
 *
 * Of all grids that hold `count` windows the one with the largest pictures is taken: on an upright phone sixteen
 * pictures stand in two columns, not four. Windows keep the picture's shape, packed and centred, so that the wall is one
 * mosaic without black between its pictures. Six and eight fill a wide wall with one large window, the first, where the
 * others pay little for it. `aspect` is the shape of the pictures when it is known (a single window showing a 4:3 camera).
 */
export function layoutRects(count: LayoutCount, width: number, height: number, aspect = VIDEO_ASPECT): Rect[] {
  if (!(width > 0) || !(height > 0)) return []
  const even = gridRects(count, width, height, aspect)
  const side = ONE_LARGE[count]
  if (side === undefined) return even
  const uneven = oneLargeRects(side, width, height, aspect)
  const worth = area(uneven) >= area(even) * WORTH_ONE_LARGE && uneven[1]!.width >= even[0]!.width * SMALL_KEEP
  return worth ? uneven : even
}

const area = (rects: readonly Rect[]): number => rects.reduce((sum, r) => sum + r.width * r.height, 0)

/** The first window spans all of the square but its last column and row, which hold the others clockwise from the top. */
function oneLargeRects(side: number, width: number, height: number, aspect: number): Rect[] {
  const cells = packedRects(side * side, side, width, height, aspect)
  const first = cells[0]!
  const large = cells[side * (side - 1) - 2]!
  const column = cells.filter((_, at) => at % side === side - 1)
  const row = cells.slice(side * (side - 1), -1)
  const big = { x: first.x, y: first.y, width: large.x + large.width - first.x, height: large.y + large.height - first.y }
  return [big, ...column.slice(0, -1), ...row, column.at(-1)!]
}

function gridRects(count: number, width: number, height: number, aspect: number): Rect[] {
  return packedRects(count, bestColumns(count, width, height, aspect), width, height, aspect)
}

function packedRects(count: number, columns: number, width: number, height: number, aspect: number): Rect[] {
  const rows = Math.ceil(count / columns)
  const cell = cellSize(columns, rows, width, height)
  if (cell.width / cell.height < aspect) cell.height = Math.max(1, Math.round(cell.width / aspect))
  else cell.width = Math.max(1, Math.round(cell.height * aspect))
  const left = Math.floor((width - cell.width * columns - GAP * (columns - 1)) / 2)
  const top = Math.max(0, Math.floor((height - cell.height * rows - GAP * (rows - 1)) / 2))
  return Array.from({ length: count }, (_, i) => ({
    x: left + (i % columns) * (cell.width + GAP),
    y: top + Math.floor(i / columns) * (cell.height + GAP),
    width: cell.width,
    height: cell.height,
  }))
}

function cellSize(columns: number, rows: number, width: number, height: number) {
  return {
    width: Math.max(1, Math.floor((width - GAP * (columns - 1)) / columns)),
    height: Math.max(1, Math.floor((height - GAP * (rows - 1)) / rows)),
  }
}

function bestColumns(count: number, width: number, height: number, aspect: number): number {
  const pictureWidth = (columns: number) => {
    const cell = cellSize(columns, Math.ceil(count / columns), width, height)
    return Math.min(cell.width, cell.height * aspect)
  }
  // The two factors next to the square root: for twelve, three by four and four by three.
  let low = Math.floor(Math.sqrt(count))
  while (count % low !== 0) low -= 1
  const familiar = pictureWidth(count / low) > pictureWidth(low) ? count / low : low
  let best = familiar
  for (let columns = 1; columns <= count; columns += 1) {
    if (pictureWidth(columns) > pictureWidth(best)) best = columns
  }
  return pictureWidth(best) > pictureWidth(familiar) * WORTH_LEAVING_THE_SQUARE ? best : familiar
}

export type Direction = 'left' | 'right' | 'up' | 'down'

/**
 * The window that an arrow key reaches from another: the nearest that begins beyond it on that side and is in its way.
 * Where there is none left and right follow the order of reading, as through the lines of a text.
 */
export function neighbour(rects: readonly Rect[], from: number, direction: Direction): number | null {
  const here = rects[from]
  if (here === undefined) return null
  const sideways = direction === 'left' || direction === 'right'
  const sign = direction === 'left' || direction === 'up' ? -1 : 1
  const start = (r: Rect) => (sideways ? r.x : r.y)
  const end = (r: Rect) => start(r) + (sideways ? r.width : r.height)
  const across = (r: Rect) => (sideways ? [r.y, r.y + r.height] : [r.x, r.x + r.width]) as [number, number]
  const [top, bottom] = across(here)
  let found: { at: number; far: number; off: number } | null = null
  for (const [at, rect] of rects.entries()) {
    const far = sign > 0 ? start(rect) - end(here) : start(here) - end(rect)
    const [begin, finish] = across(rect)
    const shared = Math.min(bottom, finish) - Math.max(top, begin)
    if (at === from || far < 0 || shared <= 0) continue
    const off = Math.abs(begin - top)
    if (found === null || far < found.far || (far === found.far && off < found.off)) found = { at, far, off }
  }
  if (found !== null || !sideways) return found?.at ?? null
  return rects[from + sign] === undefined ? null : from + sign
}

/** The window at a point. */
export function rectAt(rects: readonly Rect[], x: number, y: number): number | null {
  const at = rects.findIndex((r) => x >= r.x && y >= r.y && x < r.x + r.width && y < r.y + r.height)
  return at < 0 ? null : at
}

/** Pages that so many channels need; one when there are none. */
export function pageCount(channels: number, count: LayoutCount): number {
  return Math.max(1, Math.ceil(channels / count))
}

/** The nearest page that exists. */
export function clampPage(page: number, pages: number): number {
  return Math.min(Math.max(0, Math.trunc(page) || 0), pages - 1)
}

/** Wall positions on a page, the ones beyond the last channel included: they are the empty windows. */
export function pageIndices(page: number, count: LayoutCount): number[] {
  return Array.from({ length: count }, (_, i) => page * count + i)
}

/** The page that holds a position. */
export function pageOf(index: number, count: LayoutCount): number {
  return Math.floor(index / count)
}

/** The biggest rectangle of the picture's shape inside `area`, centred: letterboxing. */
export function contain(area: Rect, width: number, height: number): Rect {
  if (!(width > 0) || !(height > 0)) return area
  const scale = Math.min(area.width / width, area.height / height)
  const w = Math.round(width * scale)
  const h = Math.round(height * scale)
  return { x: area.x + Math.floor((area.width - w) / 2), y: area.y + Math.floor((area.height - h) / 2), width: w, height: h }
}
