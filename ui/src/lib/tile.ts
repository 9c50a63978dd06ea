import type { Code, Transport } from '@/api/generated'
import { t } from '@/i18n'
import type { TileView } from '@/wall/wall'
import { type Cure, cureFor, errorCure, errorTitle } from './errors'
import { formatAge, secondsUntil } from './format'

/** A picture younger than this is simply live; its age would only be noise. */
export const WORTH_TELLING_MS = 1000

export interface TileWords {
  /** What to say, or nothing while all is well. */
  text: string | null
  tone: 'quiet' | 'busy' | 'bad'
  code: Code | null
  /** The longer "what to do", for a failure. */
  advice: string | null
  cure: Cure | null
}

const QUIET: TileWords = { text: null, tone: 'quiet', code: null, advice: null, cure: null }

/** The state of a window in words. Pure, so that every phase is tested without a wall. */
export function tileWords(view: TileView, nowMs: number, transport: Transport, hardDecoding: boolean): TileWords {
  switch (view.phase) {
    case 'empty':
      return QUIET
    case 'connecting':
      return { ...QUIET, tone: 'busy', text: t('tile.connecting') }
    case 'waitingForKey':
      return { ...QUIET, tone: 'busy', text: t('tile.waitingForKey') }
    case 'paused':
      return { ...QUIET, text: t('tile.paused') }
    case 'playing': {
      const late = view.ageMs !== null && view.ageMs > WORTH_TELLING_MS
      return late ? { ...QUIET, text: t('tile.age', { age: formatAge(view.ageMs ?? 0) }) } : QUIET
    }
    case 'stale':
      return {
        ...QUIET,
        tone: 'busy',
        text: view.ageMs === null ? t('tile.reconnecting') : t('tile.stale', { age: formatAge(view.ageMs) }),
      }
    case 'backoff': {
      const seconds = view.retryAtMs === null ? 0 : secondsUntil(view.retryAtMs, nowMs)
      return {
        tone: 'busy',
        text: seconds > 0 ? t('tile.backoff', { seconds }) : t('tile.reconnecting'),
        code: view.code,
        advice: joined(view.code === null ? null : errorTitle(view.code), lastPicture(view)),
        cure: 'retry',
      }
    }
    case 'failed': {
      const code = view.code ?? 'internal'
      return {
        tone: 'bad', text: errorTitle(code), code, advice: errorCure(code, null), cure: cureFor(code, { transport, hardDecoding, subStream: hasSubInstead(view) }),
      }
    }
  }
}

/** The large stream failed, and there is a small one. */
export const hasSubInstead = (view: TileView): boolean => view.profile === 'main' && view.enlarged && view.channel?.hasSub === true

/** How old the picture is that still stands in a window without a stream. */
function lastPicture(view: TileView): string | null {
  return view.hasPicture && view.ageMs !== null ? t('tile.stale', { age: formatAge(view.ageMs) }) : null
}

function joined(...parts: (string | null)[]): string | null {
  const there = parts.filter((part) => part !== null)
  return there.length === 0 ? null : there.join(' · ')
}

/** "Gate, live, 0.2 s, SD": what a screen reader says for a window. */
export function tileLabel(view: TileView, words: TileWords): string {
  if (view.channel === null) return t('tile.emptyLabel', { n: view.index + 1 })
  const parts = [view.channel.name]
  if (view.phase === 'playing') {
    parts.push(t('tile.live'))
    if (view.ageMs !== null) parts.push(formatAge(view.ageMs))
  } else if (words.text !== null) parts.push(words.text)
  if (view.hasPicture) parts.push(t(view.profile === 'main' ? 'tile.hd' : 'tile.sd'))
  if (view.zoom > 1) parts.push(t('picture.zoomedLabel', { zoom: view.zoom.toFixed(1).replace(/\.0$/, '') }))
  return parts.join(', ')
}

/** The short technical line under the wall: size, way, decoder. */
export function tileFacts(view: TileView): string {
  const parts: string[] = []
  if (view.phase === 'playing' && view.ageMs !== null) parts.push(`${t('tile.live')} ${formatAge(view.ageMs)}`)
  if (view.hasPicture) parts.push(t(view.profile === 'main' ? 'tile.hd' : 'tile.sd'))
  if (view.hasPicture && view.width > 0) parts.push(`${view.width}×${view.height}`)
  if (view.transport !== null) parts.push(view.transport.toUpperCase())
  return parts.join(' · ')
}
