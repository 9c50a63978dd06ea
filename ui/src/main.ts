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
import { applySettings } from './lib/theme'
import { startup } from './lib/startup'
import { loadPlatform } from './platform'
import { router } from './router'
import { devices } from './stores/devices'
import { protection } from './stores/protection'
import { settings } from './stores/settings'

async function start(): Promise<void> {
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
  if (!protection.state.locked) void devices.refresh()
  const reduced = window.matchMedia('(prefers-reduced-motion: reduce)').matches
  const app = createApp(App).use(IonicVue, { animated: !reduced }).use(i18n).use(router)
  await router.isReady()
  app.mount('#app')
}

void start()
