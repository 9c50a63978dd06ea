/** Talking through the camera of one window: the button, the key and the line of the menu end here. */
import { mic, micOutline } from 'ionicons/icons'
import { computed, onUnmounted, watch, type Ref } from 'vue'
import { t, type TextKey } from '@/i18n'
import { errorCure, errorTitle, troubleText } from '@/lib/errors'
import { toast } from '@/lib/toast'
import type { CallView, TalkCode } from '@/media/talk/call'
import type { MicTrouble } from '@/media/talk/microphone'
import { lifecycle } from '@/stores/life'
import { network } from '@/stores/network'
import { protection } from '@/stores/protection'
import { talk } from '@/stores/talk'
import type { TileView } from '@/wall/wall'
import { TOAST_ANCHOR } from './actions'
import type { WallTool } from './tools'

const TOLD_MS = 8000

export interface TalkSetup {
  views: Readonly<Ref<TileView[]>>
  view(index: number): TileView | null
  /** The window the tools are about. */
  target(): TileView | null
  /** The wall is what a person looks at. */
  entered(): boolean
  say(text: string): void
  /** Opens a page. */
  show(path: string): void
}

/** Failures that mean something else to a voice than to a picture. */
const OWN = ['notOffered', 'deviceBusy', 'tooManySessions', 'forbidden', 'unsupportedCodec', 'notFound', 'disconnected', 'timeout'] as const
const MIC: readonly MicTrouble[] = ['micDenied', 'micMissing', 'micBusy', 'micUnsupported']
const isIn = <T extends string>(list: readonly T[], code: string): code is T => (list as readonly string[]).includes(code)

/** Why nobody is spoken to, and what to do, in words. */
export function talkTrouble(name: string, code: TalkCode): string {
  if (isIn(MIC, code)) return troubleText(t(`talk.mic.${code}.title` satisfies TextKey), t(`talk.mic.${code}.cure` satisfies TextKey))
  if (isIn(OWN, code)) return troubleText(t(`talk.why.${code}.title` satisfies TextKey, { name }), t(`talk.why.${code}.cure` satisfies TextKey))
  return troubleText(t('talk.failed', { name, why: errorTitle(code) }), errorCure(code, null))
}

export function useTalk({ views, view, target, entered, say, show }: TalkSetup) {
  function start(channel: { device: string; channel: number; name: string }): void {
    if (network.allowance.value === 'none') void toast(t('metered.spared'), TOLD_MS, undefined, TOAST_ANCHOR)
    else talk.start(channel)
  }

  function toggle(index: number): void {
    const channel = view(index)?.channel ?? null
    if (talk.isOn(channel)) talk.stop()
    else if (channel !== null) start(channel)
  }

  function tell(name: string, { phase, code, micGone }: Readonly<CallView>): void {
    if (phase === 'talking') say(t('talk.started', { name }))
    else if (phase === 'connecting') say(t('talk.calling', { name }))
    else if (phase === 'ended') {
      say(t('talk.ended'))
      if (micGone) void toast(t('talk.micGone'), TOLD_MS, undefined, TOAST_ANCHOR)
    } else if (phase === 'failed' && code !== null && code !== 'appLocked') {
      // The toast speaks for itself.
      void toast(talkTrouble(name, code), TOLD_MS, { text: t('help.open'), handler: () => show('/help/talk') }, TOAST_ANCHOR)
    }
  }

  // A microphone that is open where nobody sees it is nobody's wish.
  const isSeen = computed(() => talk.state.channel === null || views.value.some((one) => one.visible && talk.isOn(one.channel)))
  watch(() => !entered() || protection.state.locked || !isSeen.value, (away) => { if (away) talk.stop() })
  const stopListening = [lifecycle.onLeave(talk.stop), talk.onPhase(({ name }, call) => tell(name, call))]
  onUnmounted(() => {
    talk.stop()
    for (const stop of stopListening) stop()
  })

  const tool = computed<WallTool>(() => {
    // A call must be ended with any window selected, or none.
    const channel = target()?.channel ?? talk.state.channel
    const on = talk.isOn(channel)
    const name = channel?.name ?? ''
    // Not the struck-out one: that would say of an open microphone that it is closed.
    const label = channel === null ? t('talk.tool') : t(on ? 'talk.stop' : 'talk.start', { name })
    return {
      id: 'talk', icon: on ? mic : micOutline, text: t(on && talk.state.phase === 'talking' ? 'talk.toolOn' : 'talk.tool'), pressed: on, disabled: channel === null, label,
      ...(channel !== null && !on && { hint: `${label} (${t('talk.holdHint')})` }),
      run: () => {
        if (on) talk.stop()
        else if (channel !== null) start(channel)
      },
      hold: {
        begin: () => { if (channel !== null && !talk.isOn(channel)) start(channel) },
        end: talk.stop,
      },
    }
  })

  return { toggle, tool }
}
