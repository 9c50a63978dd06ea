import type { Code, Transport } from '@/api/generated'
import { t } from '@/i18n'
import type { TileView } from '@/wall/wall'
import { type Cure, cureFor, errorCure, errorTitle } from './errors'
import { formatAge, secondsUntil } from './format'
import { budgetWhy, reducedTo, workFacts } from './tilebudget'
import { steadyAge } from './heard'

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

/**
 * The phase as it is told. A try that follows a failure is still that failure: Help and the cure stay, since a button that is
 * gone for the moment of each try is missed by the finger on its way to it. A device that plays a recording may end one file and
 * be asked for the next: one try after that is nothing to tell of.
 */
export function toldPhase({ phase, code, replay, attempt = 0 }: TileView): TileView['phase'] {
  const trying = phase === 'connecting' || phase === 'waitingForKey' || phase === 'stale'
  return trying && code !== null && (replay == null || attempt > 1) ? 'backoff' : phase
}

/** The state of a window in words. Pure, so that every phase is tested without a wall. */
export function tileWords(view: TileView, nowMs: number, transport: Transport, hardDecoding: boolean): TileWords {
  switch (toldPhase(view)) {
    case 'empty':
      return QUIET
    case 'connecting':
      return { ...QUIET, tone: 'busy', text: view.replay != null ? t('replay.looking') : stillText(view) ?? t('tile.connecting') }
    case 'waitingForKey':
      return { ...QUIET, tone: 'busy', text: stillText(view) ?? t('tile.waitingForKey') }
    case 'paused':
      return { ...QUIET, text: t('tile.paused') }
    case 'playing': {
      // What the quality mode holds back on purpose is not late.
      // Of a window with few pictures its badge tells.
      const few = reducedTo(view)
      const late = view.ageMs !== null && view.ageMs - (view.delayMs ?? 0) > WORTH_TELLING_MS && few !== 'keys' && few !== 'stills'
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
        tone: 'bad', text: errorTitle(code), code, advice: errorCure(code, null), cure: view.replay != null && code === 'notOffered' ? 'live' : cureFor(code, { transport, hardDecoding, subStream: hasSubInstead(view), replay: view.replay != null }),
      }
    }
  }
}

/** The large stream failed, and there is a small one. */
export const hasSubInstead = (view: TileView): boolean => view.replay == null && view.profile === 'main' && view.enlarged && view.channel?.hasSub === true

/** Back from the background, the age of what is seen tells more than that something is being opened. */
const stillText = (view: TileView): string | null => ((view.ageMs ?? 0) > WORTH_TELLING_MS ? lastPicture(view) : null)

/** How old the picture is that still stands in a window without a stream. */
function lastPicture(view: TileView): string | null {
  return view.hasPicture && view.ageMs !== null ? t('tile.stale', { age: formatAge(view.ageMs) }) : null
}

function joined(...parts: (string | null)[]): string | null {
  const there = parts.filter((part) => part !== null)
  return there.length === 0 ? null : there.join(' · ')
}

/**
 * "Gate, live, under 1 s, SD, sound on": what a screen reader says for a window. Nothing in it counts along, since the name of
 * what has the focus is read anew whenever it changes.
 */
export function tileLabel(view: TileView, words: TileWords, more: { recording?: boolean; heard?: string | null; talking?: boolean } = {}): string {
  if (view.channel === null) return t('tile.emptyLabel', { n: view.index + 1 })
  const parts = [view.channel.name]
  const phase = toldPhase(view)
  if (view.replay != null) parts.push(t('replay.label'))
  if (phase === 'playing') parts.push(...(view.replay == null ? [t('tile.live')] : []))
  else if (phase === 'connecting') parts.push(t('tile.connecting'))
  else if (phase === 'waitingForKey') parts.push(t('tile.waitingForKey'))
  else if (phase === 'stale' || phase === 'backoff') parts.push(t('heard.reconnecting'))
  else if (words.text !== null) parts.push(words.text)
  if (view.hasPicture && view.ageMs !== null && phase !== 'paused' && view.replay == null) parts.push(steadyAge(view.ageMs))
  if (more.recording) parts.push(t('heard.recording'))
  if (view.hasPicture) parts.push(t(view.profile === 'main' ? 'tile.hd' : 'tile.sd'))
  const why = budgetWhy(view)
  if (why !== null) parts.push(why)
  if (view.enlarged) parts.push(t('heard.enlarged'))
  if (view.zoom > 1) parts.push(t('picture.zoomedLabel', { zoom: view.zoom.toFixed(1).replace(/\.0$/, '') }))
  if (more.heard != null) parts.push(more.heard)
  if (more.talking) parts.push(t('talk.on'))
  return parts.join(', ')
}

/** "Fluent 400 ms": the quality mode of a window and how long it holds pictures. */
function tileMode({ quality, delayMs = 0 }: TileView): string | null {
  if (quality === undefined) return null
  if (quality === 'realTime') return t('quality.realTime')
  return t(quality === 'fluent' ? 'quality.fluentOf' : 'quality.autoOf', { ms: delayMs })
}

/** The short technical line under the wall: age and mode, size, way. */
export function tileFacts(view: TileView): string {
  const parts: string[] = []
  const mode = tileMode(view)
  if (view.phase === 'playing') {
    const lag = view.lagMs ?? view.ageMs
    if (lag !== null) parts.push(t('quality.age', { ms: Math.round(lag) }))
    if (mode !== null) parts.push(mode)
  }
  if (view.hasPicture) parts.push(t(view.profile === 'main' ? 'tile.hd' : 'tile.sd'))
  if (view.hasPicture && view.width > 0) parts.push(`${view.width}×${view.height}`)
  if (view.transport !== null) parts.push(view.transport.toUpperCase())
  parts.push(...workFacts(view))
  return parts.join(' · ')
}
