/** What the wall says aloud: few words, and only when something changed that matters. */
import { t } from '@/i18n'
import type { TileView } from '@/wall/wall'
import { formatAge } from './format'

/** Ages in steps, milliseconds: a screen reader reads a name anew whenever it changes, so it must not count along. */
const STEPS_MS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600].map((seconds) => seconds * 1000)

/** "under 1 s", "over 30 s": an age that stays the same for a while. */
export function steadyAge(ms: number): string {
  const passed = STEPS_MS.filter((step) => ms >= step).at(-1)
  return passed === undefined ? t('heard.under', { age: whole(STEPS_MS[0] ?? 0) }) : t('heard.over', { age: whole(passed) })
}
const whole = (ms: number): string => (ms < 60_000 ? `${ms / 1000} s` : formatAge(ms))

const NAMES_AT_MOST = 3

/**
 * Follows the windows and tells what to announce. A camera that lost its picture is told of once, not with each try, and
 * once more when it is back.
 */
export class WallNews {
  private readonly lost = new Set<string>()

  /** `failure` says in words what is wrong with a window. */
  next(views: readonly TileView[], failure: (view: TileView) => string): string | null {
    const failed: TileView[] = []
    const back: TileView[] = []
    for (const view of views) {
      if (view.channel === null) continue
      const key = `${view.channel.channel} ${view.channel.device}`
      if (view.phase === 'failed' && !this.lost.has(key)) {
        this.lost.add(key)
        failed.push(view)
      } else if (view.phase === 'playing' && this.lost.delete(key)) back.push(view)
    }
    const nameOf = (view: TileView | undefined): string => view?.channel?.name ?? ''
    const [one] = failed
    if (failed.length > 1) {
      const names = failed.slice(0, NAMES_AT_MOST).map(nameOf).join(', ') + (failed.length > NAMES_AT_MOST ? '…' : '')
      return t('heard.failedMany', { n: failed.length, names })
    }
    if (one !== undefined) return t('tile.failed', { name: nameOf(one), what: failure(one) })
    if (back.length > 1) return t('heard.backMany', { n: back.length })
    return back.length === 1 ? t('heard.back', { name: nameOf(back[0]) }) : null
  }
}
