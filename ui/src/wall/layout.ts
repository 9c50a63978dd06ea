/** Where the windows of the wall go. Pure: sizes in, rectangles out, all in CSS pixels. */

export type LayoutCount = 1 | 4 | 9 | 16

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}

/** Between windows. Thin, so that a phone wastes nothing. */
export const GAP = 2
const VIDEO_ASPECT = 16 / 9

/** A familiar square grid is kept unless another shape makes the pictures this much larger. */
const WORTH_LEAVING_THE_SQUARE = 1.15

/**
 * Rectangles of one page, row by row.
 *
 * Of all grids that hold `count` windows the one with the largest pictures is taken: on an upright phone sixteen
 * pictures stand in two columns, not four. Windows keep the picture's shape, packed and centred, so that the wall is one
 * mosaic without black between its pictures. `aspect` is the shape of the pictures when it is known (a single window
 * showing a 4:3 camera).
 */
export function layoutRects(count: LayoutCount, width: number, height: number, aspect = VIDEO_ASPECT): Rect[] {
  if (!(width > 0) || !(height > 0)) return []
  const columns = bestColumns(count, width, height, aspect)
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
  const square = Math.round(Math.sqrt(count))
  let best = square
  for (let columns = 1; columns <= count; columns += 1) {
    if (pictureWidth(columns) > pictureWidth(best)) best = columns
  }
  return pictureWidth(best) > pictureWidth(square) * WORTH_LEAVING_THE_SQUARE ? best : square
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
