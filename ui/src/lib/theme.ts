import { watchEffect } from 'vue'
import type { Theme } from '@/api/generated'
import { resolveLocale, setLocale } from '@/i18n'
import { settings } from '@/stores/settings'

export function resolveTheme(choice: Theme, systemDark: boolean): 'light' | 'dark' {
  return choice === 'system' ? (systemDark ? 'dark' : 'light') : choice
}

/** Keeps the document in the chosen colours and language from now on. */
export function applySettings(): void {
  const media = window.matchMedia('(prefers-color-scheme: dark)')
  const paint = (): void => {
    const theme = resolveTheme(settings.state.theme, media.matches)
    document.documentElement.dataset['theme'] = theme
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', theme === 'dark' ? '#0d1117' : '#f2f0ea')
  }
  media.addEventListener('change', paint)
  watchEffect(paint)
  watchEffect(() => setLocale(resolveLocale(settings.state.language, navigator.languages)))
}
