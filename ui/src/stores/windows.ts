/**
 * Who is in which window of the wall. Until a person changes something all channels stand in the order of the devices;
 * from then on every window keeps its channel, and only new devices are added. A deleted device leaves its windows
 * empty and finds them again when the deletion is taken back.
 */
import { computed, reactive } from 'vue'
import type { WallChannel } from '@/wall/wall'
import { wallChannels } from '@/lib/wallchannels'
import { asLayout, type LayoutCount } from '@/wall/layout'
import { closed, type Plan, type PlanChannel, positionOf, put, swapped, withNew } from '@/wall/plan'
import { devices } from './devices'
import { settings } from './settings'

/** All there is to a wall, as plain data, to be kept and brought back. */
export interface WallPlan {
  layout: LayoutCount
  windows: (PlanChannel | null)[]
}

interface State {
  /** null: nobody has arranged anything. */
  plan: Plan | null
  /** Which channels there were when the plan was last touched; others are new. */
  known: string[]
}

const state = reactive<State>({ plan: null, known: [] })

const key = ({ device, channel }: PlanChannel): string => `${channel} ${device}`
const ref = ({ device, channel }: PlanChannel): PlanChannel => ({ device, channel })

/** Every channel there is, in the order of the devices. */
const all = computed<WallChannel[]>(() => wallChannels(devices.state.devices))

/** The plan with the channels that came since. */
const plan = computed<Plan>(() => {
  if (state.plan === null) return all.value.map(ref)
  const known = new Set(state.known)
  return withNew(existing(state.plan), all.value.filter((one) => !known.has(key(one)) && positionOf(state.plan!, one) === null))
})

/** Windows of deleted devices count as empty. */
function existing(stored: Plan): Plan {
  const there = new Set(all.value.map(key))
  return stored.map((one) => (one !== null && there.has(key(one)) ? one : null))
}

/** What the wall shows: a channel or nothing, by position, without empty windows at the end. */
const channels = computed<(WallChannel | null)[]>(() => {
  const there = new Map(all.value.map((one) => [key(one), one]))
  const shown = plan.value.map((one) => (one === null ? null : there.get(key(one)) ?? null))
  while (shown.at(-1) === null) shown.pop()
  return shown
})

/** How many windows have a channel. */
const count = computed(() => channels.value.filter((one) => one !== null).length)

/** Deleted devices keep their places as long as nobody needs them. */
function store(next: Plan): void {
  const before = state.plan ?? []
  const gone = existing(before)
  state.plan = Array.from({ length: Math.max(next.length, before.length) }, (_, at) => {
    const wanted = next[at] ?? null
    return wanted ?? (gone[at] === null ? before[at] ?? null : null)
  })
  state.known = [...new Set([...state.known, ...all.value.map(key)])]
}

const swap = (a: number, b: number): void => store(swapped(plan.value, a, b))
const close = (at: number): void => store(closed(plan.value, at))
const show = (at: number, channel: PlanChannel): void => store(put(plan.value, at, channel))
const closeAll = (): void => {
  state.plan = []
  state.known = all.value.map(key)
}

/** Only these, from the first window on. */
function showOnly(chosen: readonly PlanChannel[]): void {
  state.plan = chosen.map(ref)
  state.known = all.value.map(key)
}

/** Also these, in the empty windows and behind the last. */
function showAlso(chosen: readonly PlanChannel[]): void {
  store(withNew(plan.value, chosen.filter((one) => positionOf(plan.value, one) === null)))
}

/** The first empty window, which may be behind all others. */
function firstEmpty(): number {
  const at = channels.value.indexOf(null)
  return at < 0 ? channels.value.length : at
}

/** What a change can be taken back to. */
const keep = (): Readonly<State> => ({ plan: state.plan, known: state.known })
const undo = (kept: Readonly<State>): void => void Object.assign(state, kept)

function snapshot(): WallPlan {
  return { layout: asLayout(settings.state.layout), windows: channels.value.map((one) => (one === null ? null : ref(one))) }
}

/** Brings a kept wall back. Devices that are not listed any more leave their windows empty. */
async function restore({ layout, windows }: WallPlan): Promise<void> {
  state.plan = windows.map((one) => (one === null ? null : ref(one)))
  state.known = all.value.map(key)
  if (layout !== settings.state.layout) await settings.set({ layout })
}

/** For tests, and for a wall as after the first start. */
function reset(): void {
  Object.assign(state, { plan: null, known: [] })
}

export const windows = {
  all, channels, count, swap, close, show, closeAll, showOnly, showAlso, firstEmpty, keep, undo, snapshot, restore, reset,
}
