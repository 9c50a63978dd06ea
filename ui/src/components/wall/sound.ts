/** Sound of one window: the button, the key and the line of the menu end here. */
import { volumeHighOutline, volumeMuteOutline } from 'ionicons/icons'
import { computed, watch } from 'vue'
import { t } from '@/i18n'
import { errorTitle } from '@/lib/errors'
import { toast } from '@/lib/toast'
import { sound } from '@/stores/sound'
import type { TileView, Wall } from '@/wall/wall'
import { TOAST_ANCHOR } from './actions'
import type { WallTool } from './tools'

const TOLD_MS = 6000

export interface SoundSetup {
  wall(): Wall | null
  view(index: number): TileView | null
  /** The window the tools are about. */
  target(): TileView | null
  say(text: string): void
}

/** Why nothing is heard, in words; null while all is well. */
export function soundTrouble(name: string): string | null {
  const { coding, code } = sound.state.view
  switch (sound.trouble.value) {
    case 'none': return t('sound.none', { name })
    case 'unsupported': return t('sound.unsupported', { name, coding: coding ?? '?' })
    case 'failed': return t('sound.failed', { name, why: errorTitle(code ?? 'internal') })
    case 'blocked': return t('sound.blocked', { name })
    case null: return null
  }
}

export function useSound({ wall, view, target, say }: SoundSetup) {
  function toggle(index: number): void {
    const channel = view(index)?.channel ?? null
    // Recordings of devices come without sound.
    if (channel === null || view(index)?.replay != null) return
    const on = !sound.isOn(channel)
    wall()?.listen(on ? index : null)
    say(t(on ? 'sound.turnedOn' : 'sound.turnedOff', { name: channel.name }))
  }

  watch(() => [sound.trouble.value, sound.state.channel] as const, ([trouble, channel]) => {
    const text = trouble === null || channel === null ? null : soundTrouble(channel.name)
    if (text === null) return
    say(text)
    void toast(text, TOLD_MS, undefined, TOAST_ANCHOR)
  })

  const tool = computed<WallTool>(() => {
    const one = target()
    const channel = one?.channel ?? null
    const on = sound.isOn(channel)
    const name = channel?.name ?? ''
    return {
      id: 'sound', icon: on ? volumeHighOutline : volumeMuteOutline, text: t('sound.tool'), pressed: on, disabled: channel === null || one?.replay != null,
      label: channel === null ? t('sound.tool') : t(on ? 'sound.mute' : 'sound.listen', { name }),
      run: () => { if (one !== null) toggle(one.index) },
    }
  })

  return { toggle, tool }
}
