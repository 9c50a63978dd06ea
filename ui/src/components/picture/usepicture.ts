/** What the wall's page does for zoom and view: keys, words for screen readers, and what is remembered. */
import { onUnmounted, type Ref, watch } from 'vue'
import { t } from '@/i18n'
import { looks } from '@/stores/looks'
import type { Look } from '@/wall/look'
import type { TileView, Wall, WallChannel } from '@/wall/wall'
import { ZOOM_STEP } from '@/wall/zoom'

/** A pinch passes through many values; the last one is worth saying. */
const SPEAK_AFTER_MS = 500

/** 2.5, 8: no more digits than anybody sees. */
export function zoomText(zoom: number): string {
  return zoom.toFixed(zoom >= 7.95 ? 0 : 1).replace(/\.0$/, '')
}

type Zoomable = Pick<Wall, 'zoomBy' | 'zoomOf' | 'panBy' | 'resetZoom'>

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
}

/** The keyboard's twins of pinch, drag and double tap, for the window at `index`; true when the key was one of them. */
export function zoomKey(wall: Zoomable, index: number, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false
  const arrow = ARROWS[event.key]
  if (arrow !== undefined) return !event.shiftKey && wall.panBy(index, ...arrow)
  if (event.key === '+' || event.key === '=') wall.zoomBy(index, ZOOM_STEP)
  else if (event.key === '-' || event.key === '_') wall.zoomBy(index, 1 / ZOOM_STEP)
  else if (event.key === '0' || (event.key === 'Escape' && wall.zoomOf(index) > 1)) wall.resetZoom(index)
  else return false
  return true
}

export function usePicture(wall: () => Wall | null, views: Readonly<Ref<TileView[]>>, announcement: Ref<string>) {
  let timer: number | null = null
  const told = new Map<string, string>()

  watch(views, () => {
    if (timer === null && news().length > 0) timer = window.setTimeout(speak, SPEAK_AFTER_MS)
  })
  const news = (): TileView[] => views.value.filter(({ channel, zoom, visible }) =>
    visible && channel !== null && zoomText(zoom) !== (told.get(nameOf(channel)) ?? '1'))
  const speak = (): void => {
    timer = null
    for (const { channel, zoom } of news()) {
      if (channel === null) continue
      told.set(nameOf(channel), zoomText(zoom))
      announcement.value = t(zoom > 1 ? 'picture.zoomed' : 'picture.unzoomed', { name: channel.name, zoom: zoomText(zoom) })
    }
  }
  onUnmounted(() => { if (timer !== null) window.clearTimeout(timer) })

  return {
    lookOf: (channel: WallChannel): Readonly<Look> => looks.of(channel),
    onLook: (channel: WallChannel, look: Readonly<Look>): void => looks.set(channel, look),
    /** Shows a window so from now on, and the next time too. */
    setLook: (view: TileView, look: Look): void => {
      if (view.channel === null) return
      looks.set(view.channel, look)
      wall()?.setLook(view.index, look)
    },
    key: (event: KeyboardEvent, index: number): boolean => {
      const on = wall()
      return on !== null && zoomKey(on, index, event)
    },
  }
}

const nameOf = ({ device, channel }: WallChannel): string => `${channel} ${device}`
