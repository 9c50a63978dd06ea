import type { ApiError, UiCode } from '@/api/client'
import type { Transport } from '@/api/generated'
import { t, tn, type TextKey } from '@/i18n'

/** What one tap can do about a failure. */
export type Cure = 'retry' | 'editPassword' | 'editAddress' | 'useTcp' | 'useUdp' | 'softDecoding'

export interface Situation {
  transport: Transport
  hardDecoding: boolean
}

/**
 * The one place that decides which cure a failure gets. Changing how media travels is offered only where the user had
 * fixed it: with `auto` the core has tried both already.
 */
export function cureFor(code: UiCode, situation: Situation): Cure | null {
  switch (code) {
    case 'wrongPassword':
    case 'passwordNeeded':
    case 'forbidden':
    case 'keyLost':
    case 'lastTry':
    case 'certificateChanged':
    case 'weakPassword':
    case 'notActivated':
      return 'editPassword'
    case 'invalidAddress':
    case 'invalidPort':
    case 'invalidInput':
    case 'hostUnknown':
    case 'notRtsp':
    case 'noSuchStream':
    case 'notADevice':
      return 'editAddress'
    case 'stalled':
    case 'timeout':
      if (situation.transport === 'udp') return 'useTcp'
      if (situation.transport === 'tcp' && code === 'timeout') return 'useUdp'
      return 'retry'
    case 'decoderFailed':
      return situation.hardDecoding ? 'softDecoding' : 'retry'
    case 'unsupportedCommand':
    case 'notOffered':
    case 'shellGone':
    // The lock screen speaks for these.
    case 'appLocked':
    case 'appPassword':
    case 'appPasswordWait':
      return null
    case 'notFound':
    case 'unreachable':
    case 'disconnected':
    case 'protocol':
    case 'locked':
    case 'tooManySessions':
    case 'deviceBusy':
    case 'clockSkew':
    case 'channelOffline':
    case 'cardPassword':
    case 'cardUnreadable':
    case 'noVideo':
    case 'unsupportedCodec':
    case 'interlaced':
    case 'storage':
    case 'diskFull':
    case 'cancelled':
    case 'internal':
      return 'retry'
  }
}

export function errorTitle(code: UiCode): string {
  return t(`code.${code}.title` satisfies TextKey)
}

/** What to do, with the waiting time where the device told one. */
export function errorCure(code: UiCode, retryAfterMs: number | null): string {
  const cure = t(`code.${code}.cure` satisfies TextKey)
  return retryAfterMs === null || retryAfterMs <= 0 ? cure : `${cure} ${t('lockedFor', { minutes: waitText(retryAfterMs) })}`
}

export function errorText(error: ApiError): string {
  return `${errorTitle(error.code)}. ${errorCure(error.code, error.retryAfterMs)}`
}

/** "30 seconds", "2 minutes": a span in words. */
export function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 60 ? tn('seconds', seconds) : tn('minutes', Math.ceil(seconds / 60))
}
