/** What may be played over a network that costs by the byte, and what it has cost. */
import { computed, reactive, watch } from 'vue'
import { currentPlatform, rpc } from '@/api/client'
import type { TrafficReport } from '@/api/generated'
import { settings } from './settings'

/** What the wall may fetch. */
export type Allowance = 'all' | 'sub' | 'stills' | 'none'
/** Why it may not fetch everything. */
export type Reason = 'ask' | 'policy' | 'cap'

interface State {
  metered: boolean
  /** Bytes over metered networks this month. */
  meteredBytes: number
  /** A person said "play once" on this network. */
  once: boolean
}

const POLL_MS = 5000

const state = reactive<State>({ metered: false, meteredBytes: 0, once: false })
let timer = 0
let listening = false

const capBytes = computed(() => settings.state.meteredCapMb * 1_000_000)
const overCap = computed(() => capBytes.value > 0 && state.meteredBytes >= capBytes.value)

const allowance = computed<Allowance>(() => {
  if (!state.metered || state.once) return 'all'
  if (overCap.value) return 'none'
  switch (settings.state.meteredPolicy) {
    case 'allow': return 'all'
    case 'subOnly': return 'sub'
    case 'stills': return 'stills'
    default: return 'none'
  }
})

const reason = computed<Reason | null>(() => {
  if (allowance.value === 'all') return null
  if (overCap.value) return 'cap'
  return settings.state.meteredPolicy === 'ask' ? 'ask' : 'policy'
})

const report = (month: string | null): Promise<TrafficReport> => rpc('traffic.get', month === null ? {} : { month })

async function poll(): Promise<void> {
  try {
    state.meteredBytes = (await report(null)).meteredBytes
  } catch {
    // The next one may tell.
  }
}

async function look(): Promise<void> {
  const metered = currentPlatform()?.network?.metered() ?? false
  if (metered !== state.metered) {
    state.metered = metered
    // What was agreed to for one stay on the network is not agreed to for the next.
    state.once = false
  }
  await rpc('traffic.network', { metered }).catch(() => undefined)
  window.clearInterval(timer)
  timer = metered ? window.setInterval(() => void poll(), POLL_MS) : 0
  if (metered) await poll()
}

/** Listens to the platform from now on. */
async function start(): Promise<void> {
  if (!listening) currentPlatform()?.network?.onChange(() => void look())
  listening = true
  await look()
}

/** Whether a window gets pictures now and then in place of a stream: every one, or those whose camera has no sub stream. */
const showsStills = (phase: string): boolean => allowance.value === 'stills' || (allowance.value === 'sub' && phase === 'paused')

function playOnce(): void {
  state.once = true
}

watch(() => settings.state.meteredPolicy, () => { state.once = false })

export const network = { state: state as Readonly<State>, allowance, reason, capBytes, showsStills, report, start, look, playOnce }
