import '@ionic/vue/css/core.css'
import '@ionic/vue/css/normalize.css'
import '@ionic/vue/css/structure.css'
import './theme/tokens.css'
import './theme/base.css'
import { IonicVue } from '@ionic/vue'
import { createApp } from 'vue'
import icon from '../../icons/icon.svg'
import App from './App.vue'
import { asApiError, usePlatform } from './api/client'
import { i18n } from './i18n'
import { followPages } from './lib/arrive'
import { calmShadows } from './lib/calm'
import { escapePastToasts } from './lib/escape'
import { applySettings } from './lib/theme'
import { startup } from './lib/startup'
import { loadPlatform } from './platform'
import { router } from './router'
import { devices } from './stores/devices'
import { looks } from './stores/looks'
import { memory } from './stores/memory'
import { network } from './stores/network'
import { protection } from './stores/protection'
import { settings } from './stores/settings'
import { tabViews } from './views/tabViews'

/** The page that the settings name, unless the address names one already. */
function openDefaultPage(): void {
  const { defaultPage } = settings.state
  if (defaultPage !== 'home' && /^#?\/?$/.test(given)) void router.replace(`/${defaultPage}`)
}

/** The address as it was before the router led on. */
const given = window.location.hash

async function start(): Promise<void> {
  // Fetched while the settings are asked for; which page comes first is known later, and most often it is this.
  tabViews.home().catch(() => undefined)
  calmShadows()
  document.querySelector('link[rel=icon]')?.setAttribute('href', icon)
  usePlatform(await loadPlatform())
  // Colours and language first: the page must not appear in one look and jump to another.
  try {
    await settings.load()
  } catch (error) {
    startup.error = asApiError(error)
  }
  applySettings()
  await protection.start()
  await protection.whenOpen(async () => {
    // Before the devices: what may play, and what the wall begins with, must be known when it begins.
    // One that fails does not make the others late.
    await Promise.allSettled([network.start(), memory.start(), looks.start()])
    void devices.refresh()
  })
  followPages(document)
  escapePastToasts(document)
  const reduced = window.matchMedia('(prefers-reduced-motion: reduce)').matches
  const app = createApp(App).use(IonicVue, { animated: !reduced }).use(i18n).use(router)
  await router.isReady()
  openDefaultPage()
  app.mount('#app')
}

void start()
