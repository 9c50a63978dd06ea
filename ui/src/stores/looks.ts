/** How each channel's picture was shown last, kept by the core: the same in every window of this installation. */
import { shallowRef } from 'vue'
import { rpc } from '@/api/client'
import { lifecycle } from './life'
import { type Fisheye, RADIUS_RANGE, viewsOf } from '@/wall/fisheye'
import { isPlain, type Look, PLAIN } from '@/wall/look'

interface Channel { device: string; channel: number }

/** Where version 0.1 kept them, in the page's own storage. */
const OLD_KEY = 'bartizan.looks'
/** A hand that turns a straightened picture changes its look with every move. */
const SAVE_AFTER_MS = 400

const key = ({ device, channel }: Channel): string => `${channel} ${device}`

function parsed(text: string): Look | null {
  try {
    return readLook(JSON.parse(text))
  } catch {
    return null
  }
}

/** What an older version left; nothing when there is nothing to be read. */
function readOld(): [Channel, Readonly<Look>][] {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(OLD_KEY) ?? '[]')
    return (Array.isArray(stored) ? stored : []).flatMap((row: unknown) => {
      const [name, value] = Array.isArray(row) ? (row as unknown[]) : []
      const parts = typeof name === 'string' ? /^(\d+) (.+)$/.exec(name) : null
      const look = readLook(value)
      return parts === null || look === null ? [] : [[{ channel: Number(parts[1]), device: parts[2]! }, look] as [Channel, Look]]
    })
  } catch {
    return []
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

const all = shallowRef<ReadonlyMap<string, Readonly<Look>>>(new Map())
/** Not told to the core yet. */
const unsaved = new Map<string, Channel>()
let timer = 0
let listening = false

function of(channel: Channel): Readonly<Look> {
  return all.value.get(key(channel)) ?? PLAIN
}

function set(channel: Channel, look: Readonly<Look>): void {
  const next = new Map(all.value)
  next.delete(key(channel))
  if (!isPlain(look)) next.set(key(channel), look)
  all.value = next
  unsaved.set(key(channel), { device: channel.device, channel: channel.channel })
  window.clearTimeout(timer)
  timer = window.setTimeout(save, SAVE_AFTER_MS)
}

function save(): void {
  window.clearTimeout(timer)
  for (const channel of unsaved.values()) {
    // Lost, it holds until the page is closed.
    rpc('looks.set', { ...channel, look: textOf(of(channel)) }, true).catch(() => undefined)
  }
  unsaved.clear()
}

const textOf = (look: Readonly<Look>): string | null => (isPlain(look) ? null : JSON.stringify(look))

/** Reads what the core keeps; what an older version kept in the page is handed over once. */
async function start(): Promise<void> {
  if (!listening) lifecycle.onLeave(save)
  listening = true
  const { looks: rows } = await rpc('looks.list', {})
  const found = new Map(rows.flatMap((row) => {
    const look = row.look === null ? null : parsed(row.look)
    return look === null ? [] : [[key(row), look] as const]
  }))
  const old = readOld().filter(([channel]) => !found.has(key(channel)))
  for (const [channel, look] of old) found.set(key(channel), look)
  all.value = found
  // A channel that is gone is refused, and its look with it; only a core that does not answer is asked again.
  const told = await Promise.all(old.map(([channel, look]) => rpc('looks.set', { ...channel, look: textOf(look) }).then(
    () => true,
    (error: unknown) => (error as { code?: string }).code === 'notFound',
  )))
  if (told.every(Boolean)) window.localStorage.removeItem(OLD_KEY)
}

/** Forgets everything; for tests. */
function reset(): void {
  window.clearTimeout(timer)
  unsaved.clear()
  all.value = new Map()
}

export const looks = { of, set, start, save, reset }
