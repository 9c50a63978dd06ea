/** How each channel's picture was shown last. It concerns this screen alone, so it stays in this page's own storage. */
import { shallowRef } from 'vue'
import { type Fisheye, RADIUS_RANGE, viewsOf } from '@/wall/fisheye'
import { isPlain, type Look, PLAIN } from '@/wall/look'

interface Channel { device: string; channel: number }

const KEY = 'bartizan.looks'
/** More were never on one wall; the ones touched longest ago go. */
const MOST = 256

const key = ({ device, channel }: Channel): string => `${channel} ${device}`

/** Nothing was stored, or the page may not store anything: then it is plain, and that is all. */
function load(): Map<string, Readonly<Look>> {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '[]')
    const rows = Array.isArray(stored) ? stored.slice(-MOST) : []
    return new Map(rows.flatMap((row: unknown) => {
      const look = Array.isArray(row) && typeof row[0] === 'string' ? readLook(row[1]) : null
      return look === null ? [] : [[(row as [string])[0], look] as const]
    }))
  } catch {
    return new Map()
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isWithin = (value: unknown, low: number, high: number): value is number =>
  typeof value === 'number' && value >= low && value <= high

/** What an older version stored, or somebody else, is not drawn with. */
export function readLook(value: unknown): Look | null {
  if (!isRecord(value)) return null
  const { brightness, contrast, saturation, hue, flipX, flipY, turn } = value
  const level = (v: unknown): v is number => isWithin(v, 0, 100)
  if (!level(brightness) || !level(contrast) || !level(saturation) || !level(hue)) return null
  if (typeof flipX !== 'boolean' || typeof flipY !== 'boolean') return null
  if (turn !== 0 && turn !== 90 && turn !== 180 && turn !== 270) return null
  return { brightness, contrast, saturation, hue, flipX, flipY, turn, fisheye: readFisheye(value['fisheye']) }
}

function readFisheye(value: unknown): Fisheye | null {
  if (!isRecord(value)) return null
  const { mount, pan, tilt, zoom, circle } = value
  if (mount !== 'ceiling' && mount !== 'wall' && mount !== 'desk') return null
  const view = viewsOf(mount).find((one) => one === value['view'])
  if (view === undefined || !isWithin(pan, -180, 180) || !isWithin(tilt, -90, 90) || !isWithin(zoom, 1, 8)) return null
  if (!isRecord(circle)) return { mount, view, pan, tilt, zoom, circle: null }
  const { x, y, radius } = circle
  const isCircle = isWithin(x, 0, 1) && isWithin(y, 0, 1) && isWithin(radius, RADIUS_RANGE.min, RADIUS_RANGE.max)
  return { mount, view, pan, tilt, zoom, circle: isCircle ? { x, y, radius } : null }
}

const all = shallowRef<ReadonlyMap<string, Readonly<Look>>>(load())

function of(channel: Channel): Readonly<Look> {
  return all.value.get(key(channel)) ?? PLAIN
}

function set(channel: Channel, look: Readonly<Look>): void {
  const next = new Map(all.value)
  // Behind all others: the order is that of the last touch.
  next.delete(key(channel))
  if (!isPlain(look)) next.set(key(channel), look)
  all.value = next
  try {
    window.localStorage.setItem(KEY, JSON.stringify([...next].slice(-MOST)))
  } catch {
    // Full or forbidden: it holds until the page is closed.
  }
}

/** Reads again what is stored; for tests. */
function reload(): void {
  all.value = load()
}

export const looks = { of, set, reload }
