import type { ApiError, UiCode } from '@/api/client'
import type { Transport } from '@/api/generated'
import { t, tn, type TextKey } from '@/i18n'
import { type Cure, TILE_HELP } from './tilehelp'

export type { Cure } from './tilehelp'

export interface Situation {
  transport: Transport
  hardDecoding: boolean
  /** The stream that failed is the main one and the channel has another. */
  subStream?: boolean
  /** The window plays a recording of its device. */
  replay?: boolean
  /** Windows on the wall; the help may offer to show fewer. */
  windows?: number
}

/**
 * Which cures of the table can help here, the best first. Changing how media travels is offered only where the user
 * had fixed it: with `auto` the core has tried both already.
 */
export function curesFor(code: UiCode, { transport, hardDecoding, subStream, replay, windows }: Situation): Cure[] {
  const helps: Partial<Record<Cure, boolean>> = {
    useTcp: transport === 'udp',
    useUdp: transport === 'tcp',
    softDecoding: hardDecoding,
    subStream: subStream === true,
    live: replay === true,
    oneWindow: windows !== undefined && windows > 1,
  }
  return TILE_HELP[code].cures.filter((cure) => helps[cure] ?? true)
}

/** The cure for the one button of a window. */
export const cureFor = (code: UiCode, situation: Situation): Cure | null => curesFor(code, situation)[0] ?? null

export function errorTitle(code: UiCode): string {
  return t(`code.${code}.title` satisfies TextKey)
}

/** What to do, with the waiting time where the device told one. */
export function errorCure(code: UiCode, retryAfterMs: number | null): string {
  const cure = t(`code.${code}.cure` satisfies TextKey)
  return retryAfterMs === null || retryAfterMs <= 0 ? cure : t('cureAndWait', { cure, wait: t('lockedFor', { minutes: waitText(retryAfterMs) }) })
}

/** What is wrong and what to do, as two sentences. */
export const troubleText = (what: string, cure: string): string => t('trouble', { what, cure })

export function errorText({ code, retryAfterMs }: Pick<ApiError, 'code' | 'retryAfterMs'>): string {
  return troubleText(errorTitle(code), errorCure(code, retryAfterMs))
}

/** "30 seconds", "2 minutes": a span in words. */
export function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 60 ? tn('seconds', seconds) : tn('minutes', Math.ceil(seconds / 60))
}
