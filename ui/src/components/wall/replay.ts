/** What the device of one window recorded: the button, the key, the line of the menu and the bar end here. */
import { playBackOutline, timeOutline } from 'ionicons/icons'
import { computed, watch, type Ref } from 'vue'
import { t } from '@/i18n'
import { formatTime } from '@/lib/region'
import { toldPhase } from '@/lib/tile'
import { toast } from '@/lib/toast'
import { network } from '@/stores/network'
import { sound } from '@/stores/sound'
import type { TileView, Wall } from '@/wall/wall'
import { TOAST_ANCHOR } from './actions'
import type { WallTool } from './tools'

const HOUR_MS = 3_600_000
/** Nearer to now than this there is no recording yet, on most devices: it is being written. */
const NEWEST_MS = 5000
/** A recording that begins so much later than asked is told of; key pictures are a few seconds apart. */
const LATER_MS = 15_000
const TOLD_MS = 6000

export interface ReplaySetup {
  wall(): Wall | null
  views: Readonly<Ref<TileView[]>>
  view(index: number): TileView | null
  /** The window the tools are about. */
  target(): TileView | null
  say(text: string): void
}

export const isReplaying = (view: TileView | null): boolean => view?.replay != null

/** The bar gives way to what is wrong; that a device ended one file and plays the next is nothing of the kind. */
export function hasBar(view: TileView): boolean {
  const phase = toldPhase(view)
  return isReplaying(view) && phase !== 'failed' && (phase !== 'backoff' || view.attempt === 0)
}

export function useReplay({ wall, views, view, target, say }: ReplaySetup) {
  function play(index: number, fromMs: number, words: (name: string) => string): void {
    const channel = view(index)?.channel ?? null
    if (channel === null) return
    // It comes as large as it was recorded, and only while it is watched.
    if (network.allowance.value !== 'all') {
      void toast(t('metered.spared'), TOLD_MS, undefined, TOAST_ANCHOR)
      return
    }
    if (sound.isOn(channel)) wall()?.listen(null)
    wall()?.setReplay(index, fromMs * 1000)
    say(words(channel.name))
  }

  function stop(index: number): void {
    const one = view(index)
    if (one?.channel == null || !isReplaying(one)) return
    wall()?.setReplay(index, null)
    say(t('replay.stopped', { name: one.channel.name }))
  }

  function toggle(index: number): void {
    if (isReplaying(view(index))) stop(index)
    else play(index, Date.now() - HOUR_MS, (name) => t('replay.started', { name }))
  }

  /** So much earlier or later in the recording; beyond its end it is live. */
  function skip(index: number, byMs: number): void {
    const replay = view(index)?.replay
    if (replay == null) return
    const to = (replay.atMs ?? replay.askedMs) + byMs
    if (to > Date.now() - NEWEST_MS) stop(index)
    else play(index, to, (name) => t('replay.skipped', { name, time: formatTime(to) }))
  }

  // Once for each request: where the device had nothing at that time.
  const late = new Map<number, number>()
  watch(views, (list) => {
    for (const { index, replay } of list) {
      if (replay?.atMs == null || late.get(index) === replay.askedMs) continue
      late.set(index, replay.askedMs)
      if (replay.atMs - replay.askedMs < LATER_MS) continue
      const text = t('replay.later', { asked: formatTime(replay.askedMs), time: formatTime(replay.atMs) })
      say(text)
      void toast(text, TOLD_MS, undefined, TOAST_ANCHOR)
    }
  })

  const tool = computed<WallTool>(() => {
    const one = target()
    const on = isReplaying(one)
    const name = one?.channel?.name ?? ''
    return {
      id: 'hourAgo', icon: on ? playBackOutline : timeOutline, text: t(on ? 'replay.toolOn' : 'replay.tool'), pressed: on, disabled: one === null,
      label: one === null ? t('replay.tool') : t(on ? 'replay.stop' : 'replay.start', { name }),
      run: () => { if (one !== null) toggle(one.index) },
    }
  })

  return { toggle, stop, skip, tool }
}
