/** Which stream a window takes: as its user chose, or by how large its picture really is. Pure. */
import type { Profile, StreamChoice } from '@/api/generated'

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
