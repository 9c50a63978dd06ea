/** What a person does with the windows of the wall: each gesture, button and key ends here. */
import { actionSheetController } from '@ionic/vue'
import {
  closeOutline, micOffOutline, micOutline, pauseOutline, playBackOutline, playOutline, scanOutline, speedometerOutline, swapHorizontalOutline, syncOutline, timeOutline, volumeHighOutline, volumeMuteOutline,
} from 'ionicons/icons'
import { reactive } from 'vue'
import { asApiError } from '@/api/client'
import { t } from '@/i18n'
import { hideToast, toast, toastError } from '@/lib/toast'
import { settings } from '@/stores/settings'
import { sound } from '@/stores/sound'
import { talk } from '@/stores/talk'
import { windows } from '@/stores/windows'
import { fittingLayout, type LayoutCount } from '@/wall/layout'
import type { PlanChannel } from '@/wall/plan'
import type { TileView, Wall } from '@/wall/wall'

/** How long a closed window can be brought back by one touch. */
const UNDO_MS = 6000
/** The part of the wall above which its words appear, so that they cover no tool. */
export const TOAST_ANCHOR = 'wall-foot'

export interface ActionsSetup {
  wall(): Wall | null
  view(index: number): TileView | null
  say(text: string): void
  /** Mutes or unmutes a window. */
  listen(index: number): void
  /** Talks to a window's camera, or stops talking. */
  speak(index: number): void
  /** Plays what a window's device recorded an hour ago, or live video again. */
  hourAgo(index: number): void
  /** All pictures of one window, whatever the others lose for it; or not any more. */
  keep?(view: TileView, on: boolean): void
  /** Some window gets fewer pictures than it could. A selected one gets all of its own at once, so it cannot be asked alone. */
  busy?(): boolean
}

export function useWindowActions({ wall, view, say, listen, speak, hourAgo, keep, busy }: ActionsSetup) {
  /** Which overlay is open, and for which window; one at a time. */
  const open = reactive<{ picker: { at: number | null } | null; mover: number | null }>({ picker: null, mover: null })
  const nameOf = (index: number): string => view(index)?.channel?.name ?? t('wall.window', { n: index + 1 })

  function setLayout(layout: LayoutCount): void {
    settings.set({ layout }).catch((error: unknown) => toastError(asApiError(error), TOAST_ANCHOR))
  }

  function swap(from: number, to: number): void {
    const name = nameOf(from)
    if (view(from)?.enlarged === true) wall()?.enlarge(null)
    windows.swap(from, to)
    wall()?.select(to)
    say(t('wall.moved', { name, n: to + 1 }))
  }

  /** Says what happened, and takes it back when asked. */
  function undoable(text: string, change: () => void): void {
    const before = windows.keep()
    change()
    wall()?.select(null)
    say(text)
    void toast(text, UNDO_MS, { text: t('common.undo'), handler: () => windows.undo(before) }, TOAST_ANCHOR)
  }

  function close(index: number): void {
    if (view(index)?.channel != null) undoable(t('wall.closed', { name: nameOf(index) }), () => windows.close(index))
  }

  function closeAll(): void {
    wall()?.enlarge(null)
    undoable(t('wall.closedAll'), windows.closeAll)
    wall()?.setPage(0)
  }

  function pause(index: number | null, on: boolean): void {
    wall()?.setPaused(index, on)
    if (index === null) say(t(on ? 'wall.pausedAll' : 'wall.playingAll'))
    else say(t(on ? 'wall.paused' : 'wall.playing', { name: nameOf(index) }))
  }

  /** For one window, or with null for the whole wall. */
  function pickFor(at: number | null): void {
    void hideToast().then(() => { open.picker = { at } })
  }

  function moveFrom(index: number): void {
    void hideToast().then(() => { open.mover = index })
  }

  function pickedOne(channel: PlanChannel): void {
    const at = open.picker?.at ?? null
    open.picker = null
    if (at === null) return
    windows.show(at, channel)
    wall()?.select(at)
  }

  function pickedMany(channels: PlanChannel[]): void {
    open.picker = null
    wall()?.enlarge(null)
    windows.showOnly(channels)
    setLayout(fittingLayout(channels.length))
    wall()?.setPaused(null, false)
    wall()?.select(null)
    wall()?.setPage(0)
  }

  function movedTo(to: number): void {
    const from = open.mover
    open.mover = null
    if (from !== null) swap(from, to)
  }

  /** Everything that can be done with one window, in words. */
  async function menu(index: number): Promise<void> {
    const one = view(index)
    if (one === null) return
    if (one.channel === null) {
      pickFor(index)
      return
    }
    wall()?.select(index)
    await hideToast()
    const paused = one.phase === 'paused'
    const heard = sound.isOn(one.channel)
    const spokenTo = talk.isOn(one.channel)
    const kept = one.budget?.kept === true
    const replaying = one.replay != null
    const sheet = await actionSheetController.create({
      header: one.channel.name,
      buttons: [
        { text: t(one.enlarged ? 'home.restore' : 'home.enlarge'), icon: scanOutline, data: 'enlarge' },
        { text: t(paused ? 'wall.play' : 'wall.pause'), icon: paused ? playOutline : pauseOutline, data: 'pause' },
        { text: t(heard ? 'sound.menuOff' : 'sound.menuOn'), icon: heard ? volumeMuteOutline : volumeHighOutline, data: 'listen' },
        { text: t(replaying ? 'cure.live' : 'replay.menuOn'), icon: replaying ? playBackOutline : timeOutline, data: 'hourAgo' },
        { text: t(spokenTo ? 'talk.menuOff' : 'talk.menuOn'), icon: spokenTo ? micOffOutline : micOutline, data: 'talk' },
        { text: t('wall.moveTo'), icon: swapHorizontalOutline, data: 'move' },
        { text: t('wall.replace'), icon: syncOutline, data: 'replace' },
        ...(kept || busy?.() === true ? [{ text: t(kept ? 'budget.unkeep' : 'budget.keepLong'), icon: speedometerOutline, data: 'keep' }] : []),
        { text: t('wall.close'), icon: closeOutline, role: 'destructive', data: 'close' },
        { text: t('common.cancel'), role: 'cancel' },
      ],
    })
    await sheet.present()
    // One overlay at a time: while two cross, Ionic loses count of who hides the page from screen readers.
    const { data } = await sheet.onDidDismiss<string>()
    if (data === 'enlarge') wall()?.enlarge(one.enlarged ? null : index)
    else if (data === 'pause') pause(index, !paused)
    else if (data === 'listen') listen(index)
    else if (data === 'talk') speak(index)
    else if (data === 'hourAgo') hourAgo(index)
    else if (data === 'move') moveFrom(index)
    else if (data === 'replace') pickFor(index)
    else if (data === 'keep') keep?.(one, !kept)
    else if (data === 'close') close(index)
  }

  return { open, nameOf, setLayout, swap, close, closeAll, pause, pickFor, moveFrom, pickedOne, pickedMany, movedTo, menu }
}
