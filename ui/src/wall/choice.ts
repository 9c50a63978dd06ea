/** Which stream a window takes: as its user chose, or by how large its picture really is. */
import type { Profile, StreamChoice } from '@/api/generated'
import type { WallTile } from './tile'

/** What may be fetched: everything, sub streams alone, or nothing. */
export type Thrift = 'all' | 'sub' | 'none'

/** A sub stream is blown up so much, and looks it, before the main stream is fetched; and a little less on the way back. */
const TO_MAIN = 2
const STAY_MAIN = 1.6
/** More main streams than this at once are more than most recorders and phones can bear, however large the screen is. */
const MOST_MAIN = 4

export interface Wish {
  choice: StreamChoice
  /** Device pixels across the picture; 0 while it is hidden. */
  pixels: number
  /** Pixels across the sub stream's picture; null where nobody knows. */
  subWidth: number | null
  /** What it has now. */
  now: Profile
}

/** What the user chose; null: they leave it to the wall. */
export function chosen(choice: StreamChoice): Profile | null {
  if (choice === 'auto') return null
  return choice === 'hd' || choice === 'customMain' ? 'main' : 'sub'
}

/** The stream of each window. Windows of one size are treated alike. */
export function streamsFor(windows: readonly Wish[]): Profile[] {
  const small = windows.map(({ choice, pixels, subWidth, now }) =>
    choice === 'auto' && subWidth !== null && pixels > subWidth * (now === 'main' ? STAY_MAIN : TO_MAIN))
  const sizes = windows.flatMap(({ pixels }, at) => (small[at] === true ? [Math.round(pixels)] : [])).sort((a, b) => b - a)
  const first = sizes[MOST_MAIN]
  return windows.map(({ choice, pixels }, at) => {
    const by = chosen(choice)
    if (by !== null) return by
    return small[at] === true && (first === undefined || Math.round(pixels) > first) ? 'main' : 'sub'
  })
}

/** Brings the wished stream of every window to what its user chose, or to how many device pixels its picture takes. */
export function wish(tiles: readonly WallTile[], thrift: Thrift, pixelRatio: number): void {
  const wishes = streamsFor(tiles.map(({ choice, channel, wish: now, pixels }) => (
    { choice, subWidth: channel.subWidth ?? null, now, pixels: pixelRatio * pixels }
  )))
  tiles.forEach((tile, at) => {
    // Hidden windows keep what they had; where bytes cost, only sub streams are fetched.
    if (thrift !== 'all') tile.wish = 'sub'
    else if (tile.rect !== null || tile.choice !== 'auto') tile.wish = wishes[at] ?? 'sub'
  })
}
