/** The tool that gives the chosen window a quality mode of its own. */
import { actionSheetController } from '@ionic/vue'
import { radioButtonOffOutline, radioButtonOnOutline, speedometerOutline } from 'ionicons/icons'
import { computed, type ComputedRef } from 'vue'
import type { QualityMode } from '@/api/generated'
import { t } from '@/i18n'
import { hideToast } from '@/lib/toast'
import { MODES, quality } from '@/stores/quality'
import { settings } from '@/stores/settings'
import type { TileView, WallChannel } from '@/wall/wall'
import type { WallTool } from './tools'

/** `settings` stands for none of its own. */
type Choice = QualityMode | 'settings'

const nameOf = (mode: QualityMode): string =>
  mode === 'fluent' ? t('quality.fluentOf', { ms: settings.state.fluentDelayMs }) : t(`quality.${mode}`)

async function choose(channel: WallChannel): Promise<Choice | null> {
  await hideToast()
  const own = quality.ownOf(channel)
  const button = (choice: Choice, text: string, chosen: boolean) => ({
    text, data: choice, icon: chosen ? radioButtonOnOutline : radioButtonOffOutline,
    ...(chosen && { role: 'selected', htmlAttributes: { 'aria-current': 'true' } }),
  })
  const sheet = await actionSheetController.create({
    header: t('quality.toolOf', { name: channel.name }),
    buttons: [
      button('settings', t('quality.asSettings', { mode: t(`quality.${settings.state.qualityMode}`) }), own === null),
      ...MODES.map((mode) => button(mode, nameOf(mode), own === mode)),
      { text: t('common.cancel'), role: 'cancel' },
    ],
  })
  await sheet.present()
  const { data } = await sheet.onDidDismiss<Choice>()
  return data ?? null
}

export function useQualityTool(target: ComputedRef<TileView | null>, say: (text: string) => void) {
  return computed<WallTool>(() => {
    const channel = target.value?.channel ?? null
    return {
      id: 'quality', icon: speedometerOutline, text: t('quality.tool'), disabled: channel === null,
      label: channel === null ? t('quality.title') : `${t('quality.tool')}: ${t('quality.toolOf', { name: channel.name })}`,
      run: () => {
        if (channel === null) return
        void choose(channel).then((choice) => {
          if (choice === null) return
          quality.set(channel, choice === 'settings' ? null : choice)
          say(t('quality.chosen', { name: channel.name, mode: t(`quality.${quality.of(channel).mode}`) }))
        })
      },
    }
  })
}
