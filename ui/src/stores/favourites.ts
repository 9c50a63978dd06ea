/** Groups of channels, and which of them the wall shows. */
import { computed, reactive, watch } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { ChannelRef, Favourite, FavouriteList } from '@/api/generated'
import { asLayout, fittingLayout, type LayoutCount } from '@/wall/layout'
import { devices } from './devices'
import { settings } from './settings'
import { wallState } from './wallstate'
import { windows } from './windows'

/** The wall as it was before a group was opened. */
interface Home {
  layout: LayoutCount
  plan: ReturnType<typeof windows.keep> | null
}

interface State {
  revision: number
  list: Favourite[]
  loaded: boolean
  error: ApiError | null
  /** The group on the wall. */
  open: string | null
}

const state = reactive<State>({ revision: -1, list: [], loaded: false, error: null, open: null })
let home: Home | null = null
/** The devices there were when the group was opened: what comes later is not the group's doing. */
let known = new Set<string>()
/** The wall is being put back to the group; what it shows on the way there means nothing. */
let settling = false

const same = (a: ChannelRef, b: ChannelRef): boolean => a.device === b.device && a.channel === b.channel
const byId = (id: string | null): Favourite | null => state.list.find((one) => one.id === id) ?? null
const current = computed(() => byId(state.open))

function take(list: FavouriteList): void {
  state.error = null
  state.loaded = true
  // Two answers may cross; the older one must not win.
  if (list.revision < state.revision) return
  state.revision = list.revision
  state.list = list.favourites
}

async function refresh(): Promise<void> {
  try {
    take(await rpc('favourites.list', {}))
  } catch (error) {
    state.error = asApiError(error)
  }
}

async function create(name: string, channels: readonly ChannelRef[]): Promise<Favourite> {
  const made = await rpc('favourites.create', { name, channels: channels.map(plain), layout: fittingLayout(channels.length) })
  await refresh()
  return made
}

const plain = ({ device, channel }: ChannelRef): ChannelRef => ({ device, channel })

const rename = async (id: string, name: string): Promise<void> => take(await rpc('favourites.update', { id, name }))
const setLayout = async (id: string, layout: LayoutCount): Promise<void> => take(await rpc('favourites.update', { id, layout }))
const setChannels = async (id: string, channels: readonly ChannelRef[]): Promise<void> =>
  take(await rpc('favourites.update', { id, channels: channels.map(plain) }))
const add = async (id: string, channels: readonly ChannelRef[]): Promise<void> => take(await rpc('favourites.add', { id, channels: channels.map(plain) }))
const removeChannel = async (id: string, channel: ChannelRef): Promise<void> => take(await rpc('favourites.remove', { id, channels: [plain(channel)] }))
const order = async (ids: string[]): Promise<void> => take(await rpc('favourites.order', { ids }))

/** Deletes and tells for how long `restore` works, milliseconds. */
async function remove(id: string): Promise<number> {
  const { undoMs } = await rpc('favourites.delete', { id })
  if (state.open === id) await leave()
  await refresh()
  return undoMs
}

const restore = async (id: string): Promise<void> => take(await rpc('favourites.restore', { id }))

/** The wall shows a group, with the group's own layout. */
async function open(id: string): Promise<void> {
  const group = byId(id)
  if (group === null) return
  if (state.open === null) home = { layout: asLayout(settings.state.layout), plan: windows.keep() }
  await enter(group)
}

async function enter(group: Favourite): Promise<void> {
  // Closed while the wall changes, so that the layout of the one is not written into the other.
  state.open = null
  known = new Set(devices.state.devices.map((device) => device.id))
  const { wall } = wallState.state
  wall?.enlarge(null)
  wall?.select(null)
  windows.showOnly(group.channels)
  await settings.set({ layout: group.layout })
  wallState.state.wall?.setPage(0)
  state.open = group.id
}

/** As `open`, after a restart: the wall without the group had this layout, and nobody had arranged it. */
async function reopen(id: string, homeLayout: number | null): Promise<boolean> {
  const group = byId(id)
  if (group === null) return false
  home = { layout: asLayout(homeLayout ?? settings.state.layout), plan: null }
  await enter(group)
  return true
}

/** The wall shows what it showed before, or all channels. */
async function leave(): Promise<void> {
  const back = home
  forget()
  wallState.state.wall?.enlarge(null)
  wallState.state.wall?.select(null)
  if (back?.plan != null) windows.undo(back.plan)
  else windows.reset()
  if (back !== null && back.layout !== settings.state.layout) await settings.set({ layout: back.layout })
  wallState.state.wall?.setPage(0)
}

/** All channels, whatever the wall shows now. */
async function all(): Promise<void> {
  if (state.open !== null) await leave()
  else windows.reset()
}

/** Something else is on the wall now; what was before the group is of no more interest. */
function forget(): void {
  state.open = null
  home = null
}

/** What the wall goes back to when the group is left. */
const homeLayout = (): LayoutCount | null => (state.open === null ? null : home?.layout ?? null)

watch(() => settings.state.layout, (layout) => {
  const group = current.value
  if (group !== null && group.layout !== layout) setLayout(group.id, asLayout(layout)).catch(() => undefined)
}, { flush: 'sync' })

watch(windows.channels, (list) => {
  const group = current.value
  if (group === null || settling) return
  const strangers = list.filter((one) => one !== null && !group.channels.some((member) => same(member, one)))
  if (strangers.length === 0) return
  // A new device is shown where all devices are, not in the group; cameras that a person chose end the group's turn.
  if (strangers.every((one) => one !== null && !known.has(one.device))) {
    known = new Set(devices.state.devices.map((device) => device.id))
    settling = true
    windows.showOnly(group.channels)
    settling = false
  } else forget()
}, { flush: 'sync' })

watch(() => current.value?.channels, (now, before) => {
  if (now === undefined || before === undefined) return
  if (now.length !== before.length || !now.every((one, at) => before[at] !== undefined && same(one, before[at]))) windows.showOnly(now)
})

// Devices that go and come back take their channels out of the groups and in again.
watch(() => devices.state.revision, () => {
  if (state.loaded) void refresh()
})

/** For tests. */
function reset(): void {
  forget()
  Object.assign(state, { revision: -1, list: [], loaded: false, error: null })
}

export const favourites = {
  state: state as Readonly<State>, current, byId, refresh, create, rename, setLayout, setChannels, add, removeChannel, order, remove, restore,
  open, reopen, leave, all, homeLayout, reset,
}
