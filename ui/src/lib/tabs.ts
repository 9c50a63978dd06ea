/** From a page outside the tabs to one of them. */
import { useIonRouter } from '@ionic/vue'
import { useRouter, type Router } from 'vue-router'

export const TABS = ['home', 'messages', 'devices', 'me'] as const
export type TabPath = `/${(typeof TABS)[number]}`

const isTab = (path: string): path is TabPath => TABS.some((tab) => path === `/${tab}`)

let shown: TabPath | null = null

/** Call once: remembers which tab lies under the pages that cover the tabs. */
export function noteTabs(router: Pick<Router, 'afterEach'>): void {
  router.afterEach((to) => {
    if (isTab(to.path)) shown = to.path
  })
}

/**
 * Gives what goes back to a tab. Ionic's outlet of the tabs pairs a page that enters with one that leaves the same
 * outlet; when a page outside gives way to another tab than the one under it, there is none, and the old tab would stay
 * on top. So the one under it comes first and the one wanted after it.
 */
export function useTabs(): (tab: TabPath) => void {
  const ionRouter = useIonRouter()
  const router = useRouter()
  return (tab) => {
    if (shown !== null && shown !== tab) {
      const forget = router.afterEach(() => {
        forget()
        // Once Ionic has taken note of the first.
        setTimeout(() => ionRouter.navigate(tab, 'none', 'push'))
      })
    }
    ionRouter.navigate(shown ?? tab, 'back', 'replace')
  }
}
