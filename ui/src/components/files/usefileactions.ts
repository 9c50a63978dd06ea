/** What is done with files, from the grid and from the player: save, share, delete with a way back. */
import { ref } from 'vue'
import { asApiError } from '@/api/client'
import type { MediaFile } from '@/api/generated'
import { t, tn } from '@/i18n'
import { fileName } from '@/lib/files'
import { toast, toastError } from '@/lib/toast'
import { files } from '@/stores/files'
import { settings } from '@/stores/settings'

/** Whether this web view has a share sheet for files. */
export const canShareFiles = typeof navigator.canShare === 'function'
  && navigator.canShare({ files: [new File([''], 'x.jpg', { type: 'image/jpeg' })] })

export function useFileActions() {
  /** How much was read; null while nothing is. */
  const percent = ref<number | null>(null)

  async function asFiles(some: readonly MediaFile[]): Promise<File[]> {
    const out: File[] = []
    for (const [at, file] of some.entries()) {
      const blob = await files.read(file, (share) => { percent.value = Math.round((at + share) / some.length * 100) })
      out.push(new File([blob], fileName(file), { type: blob.type }))
    }
    return out
  }

  async function save(some: readonly MediaFile[]): Promise<void> {
    try {
      if (settings.state.info?.shell === 'web') {
        for (const file of await asFiles(some)) {
          const link = document.createElement('a')
          link.href = URL.createObjectURL(file)
          link.download = file.name
          link.click()
          // The download has its own hold on it by then.
          setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
        }
        await toast(tn('files.savedMany', some.length), 4000)
      } else {
        let path = ''
        for (const file of some) path = await files.keep(file, fileName(file))
        await toast(some.length === 1 ? t('files.saved', { path }) : tn('files.savedMany', some.length), 5000)
      }
    } catch (error) {
      await toastError(asApiError(error))
    } finally {
      percent.value = null
    }
  }

  async function share(some: readonly MediaFile[]): Promise<void> {
    try {
      const list = await asFiles(some)
      // A sheet that people close again is an answer, not a failure.
      await navigator.share({ files: list }).catch(() => undefined)
    } catch (error) {
      await toastError(asApiError(error))
    } finally {
      percent.value = null
    }
  }

  /** `then` runs once they are gone. */
  async function remove(some: readonly MediaFile[], then: () => void): Promise<void> {
    const ids = some.map((file) => file.id)
    try {
      const undoMs = await files.remove(ids)
      then()
      await toast(tn('files.removed', ids.length), undoMs, { text: t('common.undo'), handler: () => void restore(ids) })
    } catch (error) {
      await toastError(asApiError(error))
    }
  }

  async function restore(ids: string[]): Promise<void> {
    try {
      await files.restore(ids)
      await toast(t('files.restored'), 2500)
    } catch (error) {
      const failed = asApiError(error)
      await (failed.code === 'notFound' ? toast(t('files.tooLate'), 5000) : toastError(failed))
    }
  }

  return { percent, save, share, remove }
}
