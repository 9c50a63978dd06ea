import { CODES } from '@/api/generated'
import { currentLocale, type Locale, t } from '@/i18n'
import { answer, FAQ, FAQ_IDS, question } from './faq'
import { HELP, TOPICS } from './help'

export interface Place {
  kind: 'page' | 'question' | 'failure'
  title: string
  /** The words around the first hit, or the beginning. */
  excerpt: string
  link: string
}

interface Entry {
  kind: Place['kind']
  title: string
  text: string
  link: string
  /** Title and text as they are compared. */
  head: string
  body: string
}

const EXCERPT = 110

const indexes = new Map<Locale, Entry[]>()

/** Everything that can be found, in the present language. */
function entries(): Entry[] {
  const known = indexes.get(currentLocale())
  if (known !== undefined) return known
  const all: Omit<Entry, 'head' | 'body'>[] = []
  for (const topic of TOPICS) {
    const { title, lead, sections } = HELP[topic]
    all.push({ kind: 'page', title: t(title), text: t(lead), link: `/help/${topic}` })
    for (const section of sections) {
      all.push({ kind: 'page', title: t(section.title), text: t(section.text), link: `/help/${topic}` })
    }
  }
  for (const id of FAQ_IDS) {
    all.push({ kind: 'question', title: t(question(id)), text: t(answer(id)), link: `/help/${FAQ[id].topic}?q=${id}` })
  }
  for (const code of CODES) {
    all.push({ kind: 'failure', title: t(`code.${code}.title`), text: t(`code.${code}.cure`), link: `/help/failure/${code}` })
  }
  const index = all.map((entry) => ({ ...entry, head: plain(entry.title), body: plain(entry.text) }))
  indexes.set(currentLocale(), index)
  return index
}

/** Lower case, without accents and with plain widths: "Ｗi-Fi" and "wi-fi" are one. */
export const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

/** Words of a query. Chinese has no spaces: a run of it is one word, found as it stands, or by all its pairs of signs. */
function words(query: string): string[] {
  return plain(query).split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

function holds(text: string, word: string): boolean {
  if (text.includes(word)) return true
  if (!/^\p{Script=Han}{3,}$/u.test(word)) return false
  const signs = [...word]
  return signs.slice(1).every((sign, at) => text.includes(`${signs[at] ?? ''}${sign}`))
}

/** Places that have every word, those with the words in the title first. */
export function searchHelp(query: string): Place[] {
  const wanted = words(query)
  if (wanted.length === 0) return []
  const found: { place: Place; score: number }[] = []
  for (const { kind, title, text, link, head, body } of entries()) {
    if (!wanted.every((word) => holds(head, word) || holds(body, word))) continue
    const inTitle = wanted.filter((word) => holds(head, word)).length
    const score = inTitle * 10 + (kind === 'question' ? 1 : 0)
    found.push({ place: { kind, title, excerpt: excerpt(text, wanted), link }, score })
  }
  return found.sort((a, b) => b.score - a.score).map(({ place }) => place)
}

function excerpt(text: string, wanted: string[]): string {
  if (text.length <= EXCERPT) return text
  const lower = text.toLowerCase()
  const first = wanted.map((word) => lower.indexOf(word)).filter((at) => at >= 0)
  const middle = first.length === 0 ? 0 : Math.min(...first)
  const start = Math.max(0, Math.min(middle - 30, text.length - EXCERPT))
  // Begins at a word where there are words.
  const space = start === 0 ? -1 : text.indexOf(' ', start)
  const from = space > 0 && space < start + 20 ? space + 1 : start
  return `${from > 0 ? '…' : ''}${text.slice(from, from + EXCERPT).trim()}${from + EXCERPT < text.length ? '…' : ''}`
}
