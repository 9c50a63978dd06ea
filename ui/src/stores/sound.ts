/** Which window is heard: none at first, and never more than one. The wall's own component writes it, all others read. */
import { computed, shallowReactive } from 'vue'
import type { SoundPhase, SoundView } from '@/media/sound/player'
import { SILENT } from '@/media/sound/player'

interface Channel { device: string; channel: number; name: string }

interface State {
  /** Whose sound is on; null while all are muted. */
  channel: Channel | null
  view: Readonly<SoundView>
}

const state = shallowReactive<State>({ channel: null, view: SILENT })

const isSame = (a: { device: string; channel: number } | null, b: { device: string; channel: number } | null): boolean =>
  a !== null && b !== null && a.device === b.device && a.channel === b.channel

/** What the wall says. */
function tell(channel: Channel | null, view: SoundView): void {
  if (!isSame(channel, state.channel) || channel?.name !== state.channel?.name) state.channel = channel
  state.view = view
}

/** The sound of this channel is on, though perhaps not yet heard. */
const isOn = (channel: { device: string; channel: number } | null): boolean => isSame(channel, state.channel)

/** What the sound of this channel is doing. */
const phaseOf = (channel: { device: string; channel: number } | null): SoundPhase => (isOn(channel) ? state.view.phase : 'off')

/** Why nothing is heard though it is on; null while all is well. */
const trouble = computed(() => {
  const { phase } = state.view
  return phase === 'none' || phase === 'unsupported' || phase === 'failed' || phase === 'blocked' ? phase : null
})

export const sound = { state: state as Readonly<State>, tell, isOn, phaseOf, trouble }
