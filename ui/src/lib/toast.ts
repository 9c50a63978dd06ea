import { toastController } from '@ionic/vue'
import type { ApiError } from '@/api/client'
import { errorText } from './errors'

interface Action {
  text: string
  handler: () => void
}

/** A short word at the bottom, above the tab bar; announced by screen readers. */
export async function toast(message: string, durationMs: number, action?: Action): Promise<void> {
  // Two toasts on top of each other hide the older one's button: the newest one wins openly.
  await toastController.getTop().then((top) => top?.dismiss())
  // Where the tab bar is out of sight its place is nowhere.
  const bar = document.getElementById('toast-anchor')?.getBoundingClientRect().height ?? 0
  const shown = await toastController.create({
    message,
    duration: durationMs,
    cssClass: 'bz-toast',
    position: 'bottom',
    ...(bar > 0 && { positionAnchor: 'toast-anchor' }),
    buttons: action === undefined ? [] : [action],
  })
  await shown.present()
}

export function toastError(error: ApiError): Promise<void> {
  return toast(errorText(error), 6000)
}
