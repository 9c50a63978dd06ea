import { reactive } from 'vue'
import { asApiError, rpc, type UiCode } from '@/api/client'
import type { MediaFile, Profile, Recording } from '@/api/generated'
import { base64Of } from '@/lib/base64'
import { errorText } from '@/lib/errors'
import type { Captured } from '@/wall/capture'
import type { Recorded } from '@/wall/replay'

/** Often enough for a clock of seconds and for a disk that fills. */
const LOOK_MS = 1000

/** The core decodes less than many an engine does: the page's own pictures are kept then. */
const NOT_DECODED: ReadonlySet<UiCode> = new Set<UiCode>(['unsupportedCodec', 'interlaced', 'decoderFailed'])

/** A window, as a snapshot is taken of it. */
export interface Shown {
  /** What it plays of a recording; null of live video. */
  recorded: Recorded | null
  /** The next pictures on screen. */
  capture(count: number): Promise<Captured[]>
}

interface State {
  recordings: Recording[]
  /** When they were last told, milliseconds since 1970. */
  toldAt: number
}

const state = reactive<State>({ recordings: [], toldAt: 0 })
let timer = 0
let onEnded: ((recording: Recording, why: string) => void) | null = null
let warned = new Set<string>()
let onLow: ((recording: Recording) => void) | null = null

const keyOf = ({ device, channel }: { device: string; channel: number }): string => `${channel} ${device}`

function of(channel: { device: string; channel: number }): Recording | null {
  return state.recordings.find((one) => keyOf(one) === keyOf(channel)) ?? null
}

/** Milliseconds recorded, running on between two looks; 0 while it waits for its first picture. */
function elapsed(recording: Recording, now: number): number {
  return recording.elapsedMs === 0 ? 0 : recording.elapsedMs + Math.min(Math.max(0, now - state.toldAt), 2 * LOOK_MS)
}

async function look(): Promise<void> {
  const { recordings } = await rpc('record.list', {})
  state.toldAt = Date.now()
  state.recordings = recordings.filter((one) => one.ended === null)
  for (const one of state.recordings) {
    if (one.diskLow && !warned.has(keyOf(one))) onLow?.(one)
    if (one.diskLow) warned.add(keyOf(one))
  }
  for (const one of recordings) {
    if (one.ended === null) continue
    // Told once; after that it is history.
    await rpc('record.stop', { device: one.device, channel: one.channel })
    onEnded?.(one, errorText(asApiError(one.ended)))
  }
  window.clearTimeout(timer)
  if (state.recordings.length > 0) timer = window.setTimeout(lookAgain, LOOK_MS)
  else warned = new Set()
}

/** Also after the app was locked, where the core records on and tells nothing. */
function lookAgain(): void {
  look().catch(() => undefined)
}

/** Also what was begun before the page was loaded anew. */
function watch(ended: (recording: Recording, why: string) => void, low: (recording: Recording) => void): void {
  onEnded = ended
  onLow = low
  lookAgain()
}

/** Without a profile the main stream. */
async function start(channel: { device: string; channel: number }, profile?: Profile): Promise<void> {
  await rpc('record.start', { device: channel.device, channel: channel.channel, ...(profile && { profile }) })
  await look()
}

async function stop(channel: { device: string; channel: number }): Promise<Recording> {
  const done = await rpc('record.stop', { device: channel.device, channel: channel.channel })
  await look()
  return done
}

/** The channel's pictures from now on, or those of the recording that plays from the moment on screen on. */
async function snapshot({ device, channel }: { device: string; channel: number }, count: number, { recorded, capture }: Shown): Promise<MediaFile[]> {
  try {
    const request = { device, channel, count }
    return (recorded === null ? await rpc('snapshot.take', request) : await rpc('replay.snapshot', { ...request, ...recorded })).files
  } catch (error) {
    if (!NOT_DECODED.has(asApiError(error).code)) throw error
    const pictures = await capture(count)
    if (pictures.length === 0) throw error
    const files: MediaFile[] = []
    for (const { atUs, jpeg } of pictures) {
      const bytes = new Uint8Array(await jpeg.arrayBuffer())
      files.push(await rpc('snapshot.keep', { device, channel, atUs, jpeg: base64Of(bytes) }))
    }
    return files
  }
}

export const recording = { state: state as Readonly<State>, of, elapsed, watch, lookAgain, start, stop, snapshot }
