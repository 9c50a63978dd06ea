import { asApiError } from '@/api/client'
import type { Device } from '@/api/generated'
import { t } from '@/i18n'
import { devices } from '@/stores/devices'
import { toast, toastError } from './toast'

/** Deletes at once and offers the way back for as long as the core keeps it: quicker than asking, and safer. */
export async function removeWithUndo({ id, name }: Device): Promise<void> {
  try {
    const undoMs = await devices.remove(id)
    await toast(t('devices.deleted', { name }), undoMs, { text: t('common.undo'), handler: () => void restore(id, name) })
  } catch (error) {
    await toastError(asApiError(error))
  }
}

async function restore(id: string, name: string): Promise<void> {
  try {
    await devices.restore(id)
    await toast(t('devices.restored', { name }), 2500)
  } catch (error) {
    const failed = asApiError(error)
    await (failed.code === 'notFound' ? toast(t('devices.tooLate', { name }), 5000) : toastError(failed))
  }
}
