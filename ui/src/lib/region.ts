/** How numbers, dates and times are written: the language of the page with the country of the settings. */
import { currentLocale } from '@/i18n'
import { settings } from '@/stores/settings'

/** A BCP 47 tag such as `en-GB`; without a chosen country the system's, where it is of the page's language. */
export function regionLocale(): string {
  const language = currentLocale()
  const { country } = settings.state
  if (country !== '') return `${language}-${country}`
  return navigator.languages.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language
}

export function formatTime(atMs: number): string {
  return new Intl.DateTimeFormat(regionLocale(), { timeStyle: 'medium' }).format(atMs)
}

/** "November 2026" of "2026-11". */
export function formatMonth(month: string): string {
  const [year, number] = month.split('-').map(Number)
  if (year === undefined || number === undefined || Number.isNaN(year + number)) return month
  return new Intl.DateTimeFormat(regionLocale(), { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(Date.UTC(year, number - 1, 15))
}

/** ISO 3166-1 alpha-2. */
const CODES = 'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL '
  + 'CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM '
  + 'HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO '
  + 'MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI '
  + 'SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'

/** All countries and areas by their names in the language of the page, in its order. */
export function countries(): { code: string; name: string }[] {
  const locale = currentLocale() === 'zh' ? 'zh-Hans' : 'en'
  const names = new Intl.DisplayNames(locale, { type: 'region' })
  return CODES.split(' ').map((code) => ({ code, name: names.of(code) ?? code })).sort((a, b) => a.name.localeCompare(b.name, locale))
}

export function countryName(code: string): string {
  return new Intl.DisplayNames(currentLocale() === 'zh' ? 'zh-Hans' : 'en', { type: 'region' }).of(code) ?? code
}
