/** Recording and snapshots of one window: each button and key ends here. */
import { asApiError } from '@/api/client'
import { t, tn } from '@/i18n'
import { formatClock } from '@/lib/files'
import { toast, toastError } from '@/lib/toast'
import { network } from '@/stores/network'
import { recording, type Shown } from '@/stores/recording'
import { TOAST_ANCHOR } from './actions'

/** How long a word about a new file stands. */
const TOLD_MS = 4000

interface Channel {
  device: string
  channel: number
  name: string
}

export function useRecording(say: (text: string) => void, show: (kind: 'recording' | 'snapshot') => void) {
  recording.watch(
    ({ title }, why) => void toast(t('record.ended', { name: title, why }), 8000, undefined, TOAST_ANCHOR),
    ({ diskLeftS }) => void toast(t('record.low', { n: Math.floor((diskLeftS ?? 0) / 60) }), 8000, undefined, TOAST_ANCHOR),
  )

  const offer = (text: string, kind: 'recording' | 'snapshot'): Promise<void> => {
    say(text)
    return toast(text, TOLD_MS, { text: t('record.show'), handler: () => show(kind) }, TOAST_ANCHOR)
  }

  /** The network costs by the byte, and the user wants to pay for less. */
  const spared = (): Promise<void> => toast(t('metered.spared'), TOLD_MS, undefined, TOAST_ANCHOR)

  async function toggle(channel: Channel): Promise<void> {
    try {
      if (recording.of(channel) === null) {
        const allowed = network.allowance.value
        if (allowed !== 'all' && allowed !== 'sub') return await spared()
        await recording.start(channel, allowed === 'sub' ? 'sub' : undefined)
        say(t('record.started', { name: channel.name }))
        return
      }
      const done = await recording.stop(channel)
      if (done.files.length === 0) await toast(t('record.none', { name: channel.name }), TOLD_MS, undefined, TOAST_ANCHOR)
      else await offer(t('record.saved', { name: channel.name, time: formatClock(done.elapsedMs) }), 'recording')
    } catch (error) {
      await toastError(asApiError(error), TOAST_ANCHOR)
    }
  }

  async function snapshot(channel: Channel, count: number, shown: Shown): Promise<void> {
    if (network.allowance.value === 'none') return spared()
    try {
      await offer(tn('record.taken', (await recording.snapshot(channel, count, shown)).length), 'snapshot')
    } catch (error) {
      await toastError(asApiError(error), TOAST_ANCHOR)
    }
  }

  return { toggle, snapshot }
}
