/** The controls of the one channel that is being looked at. */
import { computed, reactive } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { Capabilities, ChannelRef, ControlAct, Imaging, Preset, Switches, SwitchWhat } from '@/api/generated'
import { toastError } from '@/lib/toast'
import { devices } from './devices'

export type Panel = 'move' | 'view' | 'picture' | 'switches'

interface State {
  channel: ChannelRef | null
  capabilities: Capabilities | null
  /** Why the device could not be asked what it can do. */
  error: ApiError | null
  panel: Panel | null
  presets: Preset[]
  imaging: Imaging | null
  switches: Switches | null
  /** Something was asked of the device and has not been answered. */
  busy: boolean
}

const blank = (): State => ({
  channel: null, capabilities: null, error: null, panel: null, presets: [], imaging: null, switches: null, busy: false,
})
const state = reactive<State>(blank())

const is = (channel: ChannelRef): boolean =>
  state.channel !== null && state.channel.device === channel.device && state.channel.channel === channel.channel

/** Which panels the device has something for; the picture can be zoomed and adjusted on the screen for any. */
const panels = computed<Panel[]>(() => {
  const can = state.capabilities
  if (can === null) return ['view', 'picture']
  const moves = can.panTilt || can.zoom || can.focus || can.iris || can.presets
  const switches = can.auxiliaries.length > 0 || can.outputs > 0
  return [...(moves ? ['move' as const] : []), 'view' as const, 'picture' as const, ...(switches ? ['switches' as const] : [])]
})

/** Whether the device itself keeps any picture setting. */
const deviceHasImaging = computed(() => {
  const can = state.capabilities
  return can !== null && (can.brightness || can.contrast || can.saturation || can.hue
    || can.flipHorizontal || can.flipVertical || can.rotations.length > 0)
})

/** Another channel, or none, is looked at now. */
async function open(channel: ChannelRef | null): Promise<void> {
  if (channel !== null && is(channel)) return
  Object.assign(state, blank(), { channel })
  if (channel === null || devices.byId(channel.device)?.family === 'rtsp') return
  try {
    const capabilities = await rpc('control.capabilities', channel)
    if (is(channel)) state.capabilities = capabilities
  } catch (error) {
    if (is(channel)) state.error = asApiError(error)
  }
}

async function retry(): Promise<void> {
  const { channel } = state
  state.channel = null
  await open(channel)
}

/** Opens a panel, or closes it when it is open. */
async function toggle(panel: Panel | null): Promise<void> {
  state.panel = state.panel === panel ? null : panel
  const { channel, capabilities } = state
  if (channel === null || capabilities === null) return
  if (state.panel === 'move' && capabilities.presets) await loadPresets(channel)
  if (state.panel === 'picture' && deviceHasImaging.value) {
    await ask(channel, () => rpc('control.imaging', channel), (imaging) => { state.imaging = imaging })
  }
  if (state.panel === 'switches') {
    await ask(channel, () => rpc('control.switches', channel), (switches) => { state.switches = switches })
  }
}

async function loadPresets(channel: ChannelRef): Promise<void> {
  await ask(channel, () => rpc('control.presets', channel), ({ presets }) => { state.presets = presets })
}

/** Asks the device; an answer for a channel that is no longer looked at is dropped. False when it failed. */
async function ask<T>(channel: ChannelRef, question: () => Promise<T>, take: (answer: T) => void): Promise<boolean> {
  state.busy = true
  try {
    const answer = await question()
    if (is(channel)) take(answer)
    return true
  } catch (error) {
    if (is(channel)) await toastError(asApiError(error))
    return false
  } finally {
    if (is(channel)) state.busy = false
  }
}

const PRESET_ACTS: ReadonlySet<ControlAct['kind']> = new Set(['setPreset', 'renamePreset', 'removePreset'])

async function act(what: ControlAct): Promise<boolean> {
  const { channel } = state
  if (channel === null) return false
  const done = await ask(channel, () => rpc('control.act', { ...channel, act: what }), () => undefined)
  if (done && PRESET_ACTS.has(what.kind)) await loadPresets(channel)
  return done
}

const NO_CHANGE: Imaging = {
  brightness: null, contrast: null, saturation: null, hue: null, flipHorizontal: null, flipVertical: null, rotation: null,
}

/** The device answers with what it took, which the sliders then show. */
async function setImaging(change: Partial<Imaging>): Promise<void> {
  const { channel } = state
  if (channel === null) return
  const request = { ...channel, change: { ...NO_CHANGE, ...change } }
  await ask(channel, () => rpc('control.setImaging', request), (imaging) => { state.imaging = imaging })
}

async function resetImaging(): Promise<void> {
  const { channel } = state
  if (channel === null) return
  await ask(channel, () => rpc('control.resetImaging', channel), (imaging) => { state.imaging = imaging })
}

async function toSwitch(what: SwitchWhat): Promise<void> {
  const { channel } = state
  if (channel === null) return
  await ask(channel, () => rpc('control.switch', { ...channel, what }), (switches) => { state.switches = switches })
}

export const control = { state: state as Readonly<State>, panels, deviceHasImaging, open, retry, toggle, act, setImaging, resetImaging, toSwitch }
