/**
 * The last picture of each channel, small: for lists, groups and stills. The wall's pictures are kept as they pass; a
 * channel that was never on the wall is asked for a snapshot once.
 */
import { shallowReactive } from 'vue'
import { rpc } from '@/api/client'
import type { ChannelRef } from '@/api/generated'
import { inPool } from '@/lib/pool'

export interface Kept {
  url: string
  takenAtMs: number
}

/** What the core takes: about 10 KB each. */
const SIZE = { width: 320, height: 180 }
const QUALITY = 0.72
const AT_ONCE = 2

const kept = shallowReactive(new Map<string, Kept>())
/** Asked for, whatever came of it: a device that has no snapshots is not asked at every look. */
const asked = new Set<string>()

/** Counts the times the app was locked: what was on its way then is not shown. */
let epoch = 0

const key = ({ device, channel }: ChannelRef): string => `${channel} ${device}`
const jpegUrl = (jpeg: string): string => `data:image/jpeg;base64,${jpeg}`

const of = (channel: ChannelRef): Kept | null => kept.get(key(channel)) ?? null

/** Has the pictures of these channels ready. `fetch`: also asks devices of which none is kept. */
async function load(channels: readonly ChannelRef[], fetch: boolean): Promise<void> {
  const missing = channels.filter((one) => !asked.has(key(one)))
  if (missing.length === 0) return
  for (const one of missing) asked.add(key(one))
  let without = missing
  try {
    const { pictures } = await rpc('pictures.last', { channels: [...missing] })
    missing.forEach((one, at) => {
      const found = pictures[at]
      if (found != null && of(one) === null) kept.set(key(one), { url: jpegUrl(found.jpeg), takenAtMs: found.takenAtMs })
    })
    without = missing.filter((one) => of(one) === null)
  } catch {
    // A list without pictures is still a list.
  }
  if (!fetch) {
    for (const one of without) asked.delete(key(one))
    return
  }
  await inPool(without, AT_ONCE, (one) => snapshot(one).then(() => undefined))
}

/** Asks the device for a picture now. False when it has none to give. */
async function snapshot(channel: ChannelRef): Promise<boolean> {
  let jpeg: string
  try {
    jpeg = (await rpc('devices.snapshot', channel)).jpeg
  } catch {
    return false
  }
  const image = new Image()
  image.src = jpegUrl(jpeg)
  try {
    await image.decode()
  } catch {
    return false
  }
  await keep(channel, image, { x: 0, y: 0, width: image.naturalWidth, height: image.naturalHeight })
  return true
}

/** Keeps a part of a picture as the newest of a channel. */
async function keep(channel: ChannelRef, from: CanvasImageSource, part: { x: number; y: number; width: number; height: number }): Promise<void> {
  const canvas = document.createElement('canvas')
  const scale = Math.min(SIZE.width / part.width, SIZE.height / part.height, 1)
  canvas.width = Math.max(1, Math.round(part.width * scale))
  canvas.height = Math.max(1, Math.round(part.height * scale))
  const context = canvas.getContext('2d')
  if (context === null) return
  context.drawImage(from, part.x, part.y, part.width, part.height, 0, 0, canvas.width, canvas.height)
  const url = canvas.toDataURL('image/jpeg', QUALITY)
  const jpeg = url.slice(url.indexOf(',') + 1)
  if (!url.startsWith('data:image/jpeg') || jpeg === '') return
  const takenAtMs = Date.now()
  const began = epoch
  asked.add(key(channel))
  // Shown after it is stored: an image that changes while a page is being left is taken for a connection by its policy.
  await rpc('pictures.keep', { ...channel, jpeg }).catch(() => undefined)
  if (began === epoch) kept.set(key(channel), { url, takenAtMs })
}

/** Forgets them all: the app is locked. */
function reset(): void {
  epoch += 1
  kept.clear()
  asked.clear()
}

export const pictures = { of, load, snapshot, keep, reset }
