import { reactive } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { MediaFile } from '@/api/generated'
import { base64Of } from '@/lib/base64'

/** As much as one command gives. */
const PART_BYTES = 1 << 20
/** Small pictures read at once: a screenful comes quickly, a thousand do not crowd out the wall. */
const AT_ONCE = 4

interface State {
  revision: number
  files: MediaFile[]
  loaded: boolean
  error: ApiError | null
}

const state = reactive<State>({ revision: -1, files: [], loaded: false, error: null })

async function refresh(): Promise<void> {
  try {
    const list = await rpc('files.list', {})
    state.error = null
    state.loaded = true
    if (list.revision < state.revision) return
    state.revision = list.revision
    state.files = list.files
  } catch (error) {
    state.error = asApiError(error)
  }
}

/** Deletes and tells for how long `restore` works, milliseconds. */
async function remove(ids: string[]): Promise<number> {
  const { undoMs } = await rpc('files.delete', { ids })
  await refresh()
  return undoMs
}

async function restore(ids: string[]): Promise<void> {
  await rpc('files.restore', { ids })
  await refresh()
}

const small = new Map<string, Promise<string>>()
const waiting: (() => void)[] = []
let running = 0

async function turn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go))
  running += 1
  try {
    return await work()
  } finally {
    running -= 1
    waiting.shift()?.()
  }
}

/** The small picture as a data URL; asked for once. */
function thumbnail(id: string): Promise<string> {
  const known = small.get(id)
  if (known !== undefined) return known
  const asked = turn(async () => `data:image/jpeg;base64,${(await rpc('files.thumbnail', { id })).jpeg}`)
  small.set(id, asked)
  asked.catch(() => small.delete(id))
  return asked
}

/** The whole file, part by part. */
async function read(file: MediaFile, onPart?: (share: number) => void): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  let offset = 0
  for (;;) {
    const { data, total } = await rpc('files.read', { id: file.id, offset, length: PART_BYTES })
    const part = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0))
    parts.push(part)
    offset += part.length
    onPart?.(total === 0 ? 1 : offset / total)
    if (part.length === 0 || offset >= total) break
  }
  return new Blob(parts, { type: file.kind === 'recording' ? 'video/mp4' : 'image/jpeg' })
}

/** Where the core keeps a copy now. */
async function keep(file: MediaFile, fileName: string): Promise<string> {
  return (await rpc('files.export', { id: file.id, fileName })).path
}

/** Keeps a picture of a recording among the snapshots. */
async function keepPicture(id: string, atUs: number, jpeg: Uint8Array): Promise<MediaFile> {
  const kept = await rpc('play.snapshot', { id, atUs, jpeg: base64Of(jpeg) })
  await refresh()
  return kept
}

export const files = { state: state as Readonly<State>, refresh, remove, restore, thumbnail, read, keep, keepPicture }
