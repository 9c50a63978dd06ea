import { reactive, ref } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { Device, DeviceDetails, DeviceDraft, ProbeReport } from '@/api/generated'

interface State {
  revision: number
  devices: Device[]
  /** The list has been read at least once: an empty list before that means nothing. */
  loaded: boolean
  error: ApiError | null
}

const state = reactive<State>({ revision: -1, devices: [], loaded: false, error: null })

/** Devices edited since somebody last asked. */
let changed = new Set<string>()

function takeChanged(): ReadonlySet<string> {
  const taken = changed
  changed = new Set()
  return taken
}

/** Counts the calls of `markChanged`, for those who want to act at once. */
const changes = ref(0)

/** Something about a device is new, though not the device: its windows are worth another try. */
function markChanged(id: string): void {
  changed.add(id)
  changes.value += 1
}

function put(device: Device): void {
  const at = state.devices.findIndex((one) => one.id === device.id)
  if (at < 0) state.devices.push(device)
  else state.devices[at] = device
}

async function refresh(): Promise<void> {
  try {
    const list = await rpc('devices.list', {})
    state.error = null
    state.loaded = true
    // Two answers may cross; the older one must not win.
    if (list.revision < state.revision) return
    state.revision = list.revision
    state.devices = list.devices
  } catch (error) {
    state.error = asApiError(error)
  }
}

/** Certificates as last told by the devices themselves, to be shown beside a changed one. */
const certificates = new Map<string, string>()

async function details(id: string): Promise<DeviceDetails> {
  const told = await rpc('devices.details', { id })
  if (told.certificate !== null) certificates.set(id, told.certificate)
  return told
}

const certificateOf = (id: string): string | null => certificates.get(id) ?? null

function probe(draft: DeviceDraft): Promise<ProbeReport> {
  return rpc('devices.probe', draft)
}

async function add(draft: DeviceDraft): Promise<Device> {
  const device = await rpc('devices.add', draft)
  put(device)
  await refresh()
  return device
}

async function update(id: string, draft: DeviceDraft): Promise<Device> {
  const device = await rpc('devices.update', { id, draft })
  changed.add(id)
  put(device)
  await refresh()
  return device
}

/** Deletes and tells for how long `restore` works, milliseconds. */
async function remove(id: string): Promise<number> {
  const { undoMs } = await rpc('devices.delete', { id })
  state.devices = state.devices.filter((one) => one.id !== id)
  await refresh()
  return undoMs
}

async function restore(id: string): Promise<void> {
  put(await rpc('devices.restore', { id }))
  await refresh()
}

function byId(id: string): Device | null {
  return state.devices.find((one) => one.id === id) ?? null
}

/** Forgets everything; for tests. */
function reset(): void {
  Object.assign(state, { revision: -1, devices: [], loaded: false, error: null })
}

export const devices = { state: state as Readonly<State>, refresh, probe, details, certificateOf, add, update, remove, restore, byId, takeChanged, markChanged, changes, reset }
