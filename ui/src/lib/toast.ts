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
  const shown = await toastController.create({
    message,
    duration: durationMs,
    cssClass: 'bz-toast',
    position: 'bottom',
    positionAnchor: above,
    buttons: action === undefined ? [] : [action],
  })
  await shown.present()
}

/** Before something opens that it would cover. */
export async function hideToast(): Promise<void> {
  await toastController.getTop().then((top) => top?.dismiss())
}

export function toastError(error: ApiError): Promise<void> {
  return toast(errorText(error), 6000)
}
