/** What a person does with groups outside their own pages. */
import { actionSheetController, alertController } from '@ionic/vue'
import { addOutline, removeCircleOutline, starOutline } from 'ionicons/icons'
import { asApiError } from '@/api/client'
import type { ChannelRef, Favourite } from '@/api/generated'
import { t } from '@/i18n'
import { favourites } from '@/stores/favourites'
import { memory } from '@/stores/memory'
import { toast, toastError } from './toast'

/** How long a small change can be taken back by one touch, milliseconds. */
const UNDO_MS = 6000

const holds = (group: Favourite, { device, channel }: ChannelRef): boolean =>
  group.channels.some((one) => one.device === device && one.channel === channel)

/** Runs something that may fail; a failure is told. */
export async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await toastError(asApiError(error))
  }
}

/** Asks into which group a channel goes, or out of which. */
export async function addToGroup(channel: ChannelRef, name: string, go: (path: string) => void): Promise<void> {
  const groups = favourites.state.list
  const sheet = await actionSheetController.create({
    header: t('fav.addTitle', { name }),
    buttons: [
      ...groups.map((group) => (holds(group, channel)
        ? { text: t('fav.takeOut', { name: group.name }), icon: removeCircleOutline, data: group.id }
        : { text: group.name, icon: starOutline, data: group.id })),
      { text: t('fav.newWith'), icon: addOutline, data: 'new' },
      { text: t('common.cancel'), role: 'cancel' },
    ],
  })
  await sheet.present()
  // One overlay at a time: while two cross, Ionic loses count of who hides the page from screen readers.
  const { data } = await sheet.onDidDismiss<string>()
  if (data === undefined) return
  if (data === 'new') return go(`/favourites/new?device=${encodeURIComponent(channel.device)}&channel=${channel.channel}`)
  const group = favourites.byId(data)
  if (group === null) return
  await told(async () => {
    if (holds(group, channel)) await takeOut(group, channel, name)
    else {
      await favourites.add(group.id, [channel])
      await toast(t('fav.added', { channel: name, name: group.name }), 3000)
    }
  })
}

/** Takes a channel out, with the way back. */
export async function takeOut(group: Favourite, channel: ChannelRef, name: string): Promise<void> {
  const before = [...group.channels]
  await favourites.removeChannel(group.id, channel)
  await toast(t('fav.removed', { channel: name, name: group.name }), UNDO_MS, {
    text: t('common.undo'), handler: () => void told(() => favourites.setChannels(group.id, before)),
  })
}

/** Deletes at once and offers the way back for as long as the core keeps it. */
export async function deleteGroup({ id, name }: Favourite): Promise<void> {
  await told(async () => {
    const undoMs = await favourites.remove(id)
    await toast(t('fav.deleted', { name }), undoMs, { text: t('common.undo'), handler: () => void bringBack(id, name) })
  })
}

async function bringBack(id: string, name: string): Promise<void> {
  try {
    await favourites.restore(id)
    await toast(t('fav.restored', { name }), 2500)
  } catch (error) {
    const failed = asApiError(error)
    await (failed.code === 'notFound' ? toast(t('fav.tooLate', { name }), 5000) : toastError(failed))
  }
}

export async function renameGroup(group: Favourite): Promise<void> {
  const dialog = await alertController.create({
    header: t('fav.renameTitle'),
    inputs: [{ name: 'name', type: 'text', value: group.name, placeholder: t('fav.name'), attributes: { maxlength: 64, 'aria-label': t('fav.name') } }],
    buttons: [{ text: t('common.cancel'), role: 'cancel' }, { text: t('common.save'), role: 'save' }],
  })
  await dialog.present()
  const { role, data } = await dialog.onDidDismiss<{ values: { name: string } }>()
  const name = data?.values.name.trim() ?? ''
  if (role !== 'save' || name === '' || name === group.name) return
  await told(() => favourites.rename(group.id, name))
}

/** Shows the wall of the last session. */
export async function replayLast(): Promise<void> {
  await told(async () => {
    await memory.replay()
    await toast(t('memory.done'), 2500)
  })
}
