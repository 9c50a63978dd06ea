/**
 * Escape closes the topmost sheet also while a toast is shown. Ionic (overlays.ts, `getPresentedOverlay`) asks whichever
 * overlay is last in the page, and a toast, which has no backdrop, then does nothing.
 */
const SHEETS = 'ion-alert, ion-action-sheet, ion-loading, ion-modal, ion-popover'

type Overlay = HTMLElement & { backdropDismiss?: boolean; dismiss?: (data: undefined, role: string) => Promise<boolean> }

const last = (page: Document, selector: string): Overlay | undefined =>
  [...page.querySelectorAll<Overlay>(selector)].filter((one) => !one.classList.contains('overlay-hidden')).at(-1)

export function escapePastToasts(page: Document): void {
  page.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || last(page, `${SHEETS}, ion-toast`)?.tagName !== 'ION-TOAST') return
    const sheet = last(page, SHEETS)
    if (sheet?.backdropDismiss === true) void sheet.dismiss?.(undefined, 'backdrop')
  })
}
