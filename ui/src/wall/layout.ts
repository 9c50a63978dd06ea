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

/**
 * Rectangles of one page, row by row.
 *
 * In landscape the windows fill the area. In portrait that would make tall windows with black above and below each
 * picture, so there the windows keep the shape of the picture, packed and centred, and only a wall that is still too
 * tall shrinks. `aspect` is the shape of the pictures when it is known (a single window showing a 4:3 camera).
 */
export function layoutRects(count: LayoutCount, width: number, height: number, aspect = VIDEO_ASPECT): Rect[] {
  const side = Math.round(Math.sqrt(count))
  if (!(width > 0) || !(height > 0)) return []
  const gaps = GAP * (side - 1)
  const cellWidth = Math.max(1, Math.floor((width - gaps) / side))
  let cellHeight = Math.max(1, Math.floor((height - gaps) / side))
  if (height > width) cellHeight = Math.min(cellHeight, Math.max(1, Math.round(cellWidth / aspect)))
  const left = Math.floor((width - cellWidth * side - gaps) / 2)
  const top = Math.max(0, Math.floor((height - cellHeight * side - gaps) / 2))
  return Array.from({ length: count }, (_, i) => ({
    x: left + (i % side) * (cellWidth + GAP),
    y: top + Math.floor(i / side) * (cellHeight + GAP),
    width: cellWidth,
    height: cellHeight,
  }))
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
