/** Tools of the strip under the wall. */
import { starOutline, timeOutline } from 'ionicons/icons'
import { computed } from 'vue'
import { useIonRouter } from '@ionic/vue'
import type { WallTool } from '@/components/wall/tools'
import { t } from '@/i18n'
import { addToGroup, replayLast } from '@/lib/favourites'
import { memory } from '@/stores/memory'
import { wallState } from '@/stores/wallstate'

/** Adds the chosen window to a group; shows the wall of the last session. */
export function useFavouriteTools() {
  const router = useIonRouter()
  return computed<WallTool[]>(() => {
    const channel = wallState.chosen.value
    const name = wallState.state.views.find((view) => view.channel?.device === channel?.device && view.channel?.channel === channel?.channel)?.channel?.name ?? ''
    return [
      {
        id: 'favourite', icon: starOutline, text: t('fav.addTool'), disabled: channel === null,
        label: channel === null ? t('fav.addToolNone') : t('fav.addToolLabel', { name }),
        run: () => { if (channel !== null) void addToGroup(channel, name, (path) => router.push(path)) },
      },
      { id: 'memory', icon: timeOutline, text: t('memory.tool'), label: t('memory.label'), disabled: !memory.canReplay.value, run: () => void replayLast() },
    ]
  })
}
