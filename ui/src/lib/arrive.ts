/**
 * The focus of the keyboard and of a screen reader when pages change: a new page is begun at its title, and a page that
 * one returns to goes on where it was left. Ionic's own `focusManagerPriority` takes what it gives the focus back to out
 * of the tab order for good.
 */
const OVERLAYS = 'ion-modal, ion-alert, ion-action-sheet, ion-toast, dialog'

/** Call once. Ionic's events do not bubble, but they are captured. */
export function followPages(root: Document): void {
  const left = new WeakMap<Element, HTMLElement>()
  let moved = false

  root.addEventListener('ionViewWillLeave', ({ target }) => {
    moved = true
    const at = root.activeElement
    if (target instanceof Element && at instanceof HTMLElement && target.contains(at)) left.set(target, at)
  }, true)

  root.addEventListener('ionViewDidEnter', ({ target }) => {
    // The first page of all: nobody came from anywhere.
    if (!moved || !(target instanceof Element)) return
    const at = root.activeElement
    // Pages that put the focus somewhere themselves know best.
    if (at !== null && (target.contains(at) || at.closest(OVERLAYS) !== null)) return
    const before = left.get(target)
    if (before !== undefined && target.contains(before) && before.offsetParent !== null) {
      before.focus({ preventScroll: true })
      return
    }
    const title = target.querySelector('h1')
    if (title === null) return
    title.tabIndex = -1
    title.focus({ preventScroll: true })
  }, true)
}
