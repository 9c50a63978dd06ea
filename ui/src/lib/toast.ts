import { toastController } from '@ionic/vue'
import type { ApiError } from '@/api/client'
import { errorText } from './errors'

interface Action {
  text: string
  handler: () => void
}

/** A short word at the bottom, above the tab bar or another element; announced by screen readers. */
export async function toast(message: string, durationMs: number, action?: Action, above = 'toast-anchor'): Promise<void> {
  // Two toasts on top of each other hide the older one's button: the newest one wins openly.
  await hideToast()
  // Where the tab bar is out of sight its place is nowhere.
  const height = document.getElementById(above)?.getBoundingClientRect().height ?? 0
  const shown = await toastController.create({
    message,
    duration: durationMs,
    cssClass: 'bz-toast',
    position: 'bottom',
    ...(height > 0 && { positionAnchor: above }),
    buttons: action === undefined ? [] : [action],
  })
  await shown.present()
}

/** Before something opens that it would cover. */
export async function hideToast(): Promise<void> {
  await toastController.getTop().then((top) => top?.dismiss())
}

export function toastError(error: ApiError, above?: string): Promise<void> {
  return toast(errorText(error), 6000, undefined, above)
}
