/** The choice of streams beside the wall: keeps the wall told of it, and gives the tool that opens the sheet. */
import { layersOutline } from 'ionicons/icons'
import { computed, type ComputedRef, ref, watch } from 'vue'
import type { WallTool } from '@/components/wall/tools'
import { t } from '@/i18n'
import { protection } from '@/stores/protection'
import { streams } from '@/stores/streams'
import { wallState } from '@/stores/wallstate'
import type { TileView, WallChannel } from '@/wall/wall'

export function useStreams(target: ComputedRef<TileView | null>) {
  const open = ref<WallChannel | null>(null)

  watch(() => protection.state.locked, (locked) => {
    // A choice that cannot be read is no reason to keep pictures back: windows go by their size.
    if (!locked) streams.load().catch(() => undefined)
  }, { immediate: true })
  watch([() => wallState.state.wall, () => ({ ...streams.state.choices })], ([wall]) => wall?.setChoices(streams.of), { immediate: true })

  const tool = computed<WallTool>(() => {
    const channel = target.value?.channel ?? null
    return {
      id: 'stream', icon: layersOutline, text: t('stream.tool'), disabled: channel === null,
      label: channel === null ? t('stream.tool') : t('stream.titleOf', { name: channel.name }),
      ...(channel !== null && { pressed: streams.of(channel) !== 'auto' }),
      run: () => { open.value = channel },
    }
  })
  return { open, tool }
}
