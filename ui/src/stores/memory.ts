/** Memory play: what the wall of the last session showed, and showing it again. */
import { computed, effectScope, type EffectScope, onScopeDispose, reactive, watch } from 'vue'
import { rpc } from '@/api/client'
import type { ChannelRef, WallMemory } from '@/api/generated'
import { asLayout } from '@/wall/layout'
import { devices } from './devices'
import { favourites } from './favourites'
import { lifecycle } from './life'
import { settings } from './settings'
import { wallState } from './wallstate'
import { windows } from './windows'

const SAVE_AFTER_MS = 1000

interface State {
  /** Of the session before this one. */
  last: WallMemory | null
  /** The wall was brought back, so that there is nothing more to replay. */
  replayed: boolean
}

const state = reactive<State>({ last: null, replayed: false })
/** Where the wall goes as soon as it is there. */
let wanted: { page: number; enlarged: ChannelRef | null } | null = null
let scope: EffectScope | null = null
let timer = 0
let saved = ''

/** What the wall shows now. */
function present(): WallMemory {
  const shown = windows.snapshot().windows
  const arranged = shown.length !== windows.all.value.length
    || shown.some((one, at) => one === null || one.device !== windows.all.value[at]?.device || one.channel !== windows.all.value[at]?.channel)
  return {
    layout: asLayout(settings.state.layout),
    page: wallState.state.page,
    group: favourites.state.open,
    homeLayout: favourites.homeLayout(),
    enlarged: wallState.enlarged.value,
    windows: arranged ? shown.slice(0, 256) : [],
  }
}

/** Something of the last session that is not on the wall already. */
const canReplay = computed(() => state.last !== null && !state.replayed && devices.state.devices.length > 0)

/** Cameras were shown, and none of them is there any more: an empty wall would hide all others. */
function allGone(last: WallMemory['windows']): boolean {
  const filled = last.filter((one) => one !== null)
  return filled.length > 0 && !filled.some((one) => windows.all.value.some(({ device, channel }) => device === one.device && channel === one.channel))
}

/** Shows what the last session showed. */
async function replay(): Promise<void> {
  const { last } = state
  if (last === null) return
  state.replayed = true
  wanted = { page: last.page, enlarged: last.enlarged }
  const reopened = last.group !== null && await favourites.reopen(last.group, last.homeLayout)
  if (reopened) {
    if (last.windows.length > 0) await windows.restore({ layout: asLayout(last.layout), windows: last.windows })
  } else if (last.windows.length > 0 && !allGone(last.windows)) await windows.restore({ layout: asLayout(last.layout), windows: last.windows })
  else {
    windows.reset()
    await settings.set({ layout: (last.group === null ? null : last.homeLayout) ?? last.layout })
  }
  place()
}

/** Page and enlarged window, once there is a wall with channels. */
function place(): void {
  const { wall } = wallState.state
  if (wall === null || wanted === null) return
  const { page, enlarged } = wanted
  wanted = null
  wall.setPage(page)
  const at = enlarged === null ? -1 : windows.channels.value.findIndex((one) => one?.device === enlarged.device && one.channel === enlarged.channel)
  if (at >= 0) wall.enlarge(at)
}

function save(): void {
  window.clearTimeout(timer)
  timer = 0
  if (wallState.state.wall === null || devices.state.devices.length === 0) return
  const memory = present()
  const text = JSON.stringify(memory)
  if (text === saved) return
  saved = text
  // The next change saves again; a lost one costs a place on the wall.
  rpc('memory.set', memory).catch(() => { saved = '' })
}

/** Reads what the last session left, and from now on keeps what this one does. With `memoryPlay` it replays at once. */
async function start(): Promise<void> {
  stop()
  Object.assign(state, { last: null, replayed: false })
  const [reply] = await Promise.all([rpc('memory.get', {}).catch(() => ({ memory: null })), favourites.refresh()])
  state.last = reply.memory
  if (!settings.state.memoryPlay && state.last?.group != null && state.last.homeLayout !== null) {
    // The layout that is stored was the group's.
    await settings.set({ layout: state.last.homeLayout }).catch(() => undefined)
  }
  scope = effectScope(true)
  scope.run(() => {
    let due = settings.state.memoryPlay
    // At once, before the wall is made: it must not begin with streams that it closes again.
    watch(() => devices.state.devices.length > 0, (some) => {
      if (!some || !due) return
      due = false
      void replay().catch(() => undefined)
    }, { immediate: true, flush: 'sync' })
    watch(() => wallState.state.wall, (wall) => { if (wall !== null) queueMicrotask(place) })
    watch(() => JSON.stringify(present()), () => {
      if (timer === 0) timer = window.setTimeout(save, SAVE_AFTER_MS)
    })
    const forget = lifecycle.onLeave(saveNow)
    onScopeDispose(forget)
  })
}

/** A hidden page may never come back. */
const saveNow = (): void => {
  if (timer !== 0) save()
}

/** For tests. */
function stop(): void {
  scope?.stop()
  scope = null
  window.clearTimeout(timer)
  timer = 0
  saved = ''
  wanted = null
}

export const memory = { state: state as Readonly<State>, canReplay, present, replay, start, stop }
