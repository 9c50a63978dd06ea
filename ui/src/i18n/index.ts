import { createI18n } from 'vue-i18n'
import type { Language } from '@/api/generated'
import { en, type TextKey } from './en'
import { zh } from './zh'

export type { TextKey } from './en'
export type Locale = 'en' | 'zh'

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en, zh } })

/** The user's choice, or the first of the system's languages that we speak. */
export function resolveLocale(choice: Language, wanted: readonly string[]): Locale {
  if (choice !== 'system') return choice
  for (const tag of wanted) {
    if (tag.toLowerCase().startsWith('zh')) return 'zh'
    if (tag.toLowerCase().startsWith('en')) return 'en'
  }
  return 'en'
}

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  document.documentElement.lang = locale === 'zh' ? 'zh-Hans' : 'en'
}

export function currentLocale(): Locale {
  return i18n.global.locale.value
}

export type Params = Record<string, string | number>

/** A string of the current language; tracked by Vue where it is used in a template. */
export function t(key: TextKey, params: Params = {}): string {
  return i18n.global.t(key, params)
}

/** A string that counts: `n` chooses the form. */
export function tn(key: TextKey, n: number, params: Params = {}): string {
  return i18n.global.t(key, { n, ...params }, n)
}
