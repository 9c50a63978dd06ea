/** Which stream each window plays because its user said so; kept by the core. */
import { reactive } from 'vue'
import { asApiError, rpc } from '@/api/client'
import type { ChannelRef, StreamChoice } from '@/api/generated'
import { toastError } from '@/lib/toast'

const state = reactive<{ choices: Record<string, StreamChoice>; loaded: boolean }>({ choices: {}, loaded: false })

const key = ({ device, channel }: ChannelRef): string => `${channel} ${device}`

const of = (channel: ChannelRef): StreamChoice => state.choices[key(channel)] ?? 'auto'

async function load(): Promise<void> {
  const { choices } = await rpc('streams.choices', {})
  state.choices = Object.fromEntries(choices.map((one) => [key(one), one.choice]))
  state.loaded = true
}

/** Shown at once; taken back when it could not be kept. */
async function choose({ device, channel }: ChannelRef, choice: StreamChoice): Promise<void> {
  const at = { device, channel }
  const before = of(at)
  set(at, choice)
  try {
    await rpc('streams.choose', { ...at, choice })
  } catch (error) {
    set(at, before)
    await toastError(asApiError(error))
  }
}

function set(channel: ChannelRef, choice: StreamChoice): void {
  if (choice === 'auto') delete state.choices[key(channel)]
  else state.choices[key(channel)] = choice
}

export const streams = { state, of, load, choose }
