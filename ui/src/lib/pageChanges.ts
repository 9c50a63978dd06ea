/** One change of pages at a time. */
import type { RouteLocationNormalized, Router } from 'vue-router'

/** Ionic's longest animation is 540 ms, and a frame may be late. */
const LONGEST_MS = 2000

const underTabs = (place: Pick<RouteLocationNormalized, 'matched'>) => place.matched.length > 1

/**
 * Call once. Ionic Vue takes a page for hidden until the first frame of its change was drawn (`isViewVisible`). Going
 * back before that, two quick taps on a slow phone, it finds nothing to do, and the page that was left stays on the
 * screen under the address of the other. So a change waits until the one before it has ended; between tabs, only for the
 * outlet of the tabs.
 */
export function oneChangeAtATime(router: Pick<Router, 'beforeEach'>, target: EventTarget = document): void {
  const moving = new Set<Element>()
  const waiting = new Set<() => void>()
  const begun = ({ target: outlet }: Event) => {
    if (outlet instanceof Element) moving.add(outlet)
  }
  const ended = ({ target: outlet }: Event) => {
    // Ionic hides the page that was left only after it told.
    setTimeout(() => {
      if (outlet instanceof Element) moving.delete(outlet)
      for (const look of [...waiting]) look()
    })
  }
  // These do not bubble.
  target.addEventListener('ionNavWillChange', begun, true)
  target.addEventListener('ionNavDidChange', ended, true)

  router.beforeEach(async (to, from) => {
    const concerns = underTabs(to) && underTabs(from) ? (outlet: Element) => outlet.closest('ion-tabs') !== null : () => true
    // One that was taken away with its page ends nothing any more.
    const still = () => ![...moving].some((outlet) => outlet.isConnected && concerns(outlet))
    if (still()) return
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(late)
        waiting.delete(look)
        resolve()
      }
      const look = () => {
        if (still()) go()
      }
      const late = setTimeout(() => {
        // An outlet that never told has failed: it holds nobody up twice.
        moving.clear()
        go()
      }, LONGEST_MS)
      waiting.add(look)
    })
  })
}
