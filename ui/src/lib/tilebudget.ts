/** What a window gets of what the device can decode, in words. */
import { t } from '@/i18n'
import type { Rung } from '@/wall/budget'
import type { TileView } from '@/wall/wall'
import { formatAge } from './format'

/** The rung of a window that gets less than it could; null of one that has all it asks for, or nothing for another reason. */
export function reducedTo(view: TileView): Exclude<Rung, 'full'> | null {
  const rung = view.budget?.rung ?? 'full'
  return rung === 'full' || !view.visible || view.phase !== 'playing' ? null : rung
}

/** Whole seconds: nobody reads tenths of a still, and they would flicker. */
const age = (view: TileView): string => formatAge(Math.max(1000, Math.round((view.ageMs ?? 0) / 1000) * 1000)).replace(/\.0(?=\D)/, '')

/** On the window. */
export function budgetText(view: TileView): string | null {
  const rung = reducedTo(view)
  return rung === null ? null : t(`budget.${rung}`, { age: age(view) })
}

/** On a small window. */
export function budgetShort(view: TileView): string | null {
  const rung = reducedTo(view)
  return rung === null ? null : t(`budget.${rung}Short`, { age: age(view) })
}

/** A sentence. */
export function budgetWhy(view: TileView): string | null {
  const rung = reducedTo(view)
  if (rung === null) return null
  return t(view.budget?.kept === true ? 'budget.keptWhy' : `budget.${rung}Why`)
}

/** "15 of 25 fps", "130 ms behind", "software": what was measured of a window that plays. */
export function workFacts(view: TileView): string[] {
  const work = view.budget?.work ?? null
  if (view.phase !== 'playing' || work === null) return []
  const facts: string[] = []
  const shown = Math.round(work.presentedFps)
  const sent = Math.round(work.receivedFps)
  // One more or less is the edge of the time that was measured over.
  if (sent > 0) facts.push(Math.abs(sent - shown) <= 1 ? t('budget.fps', { n: sent }) : t('budget.fpsOf', { n: shown, of: sent }))
  if (work.waitMs >= 100) facts.push(t('budget.wait', { ms: Math.round(work.waitMs / 10) * 10 }))
  if (view.path === 'openh264') facts.push(t('budget.software'))
  return facts
}
