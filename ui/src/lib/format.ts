import type { Channel, Identity, StreamInfo } from '@/api/generated'
import { t } from '@/i18n'
import { FAMILIES } from './address'
import { regionLocale } from './region'

/** "0.2 s", "14 s", "3 min", "2 h": as exact as it is useful. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${oneDecimal(seconds)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  return minutes < 90 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`
}

function oneDecimal(value: number): string {
  return new Intl.NumberFormat(regionLocale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value)
}

/** Seconds from now to a moment, never below zero. */
export function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000))
}

/** "0:30", "14:59": what is left of a pause. */
export function countdown(ms: number): string {
  const seconds = Math.ceil(Math.max(0, ms) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** `192.0.2.7:554`, `[2001:db8::1]:554`. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function streamSize(stream: StreamInfo): string | null {
  return stream.width === null || stream.height === null ? null : `${stream.width}×${stream.height}`
}

/** "1920×1080 + 640×360", or a word where the device told no size. */
export function channelSizes(channel: Channel): string {
  const sizes = channel.streams.map(streamSize).filter((size) => size !== null)
  return sizes.length === 0 ? t('form.sizeUnknown') : sizes.join(' + ')
}

/** "ACME IPC-2100", or what there is of it. Many devices say their maker in the model already. */
export function identityLine({ maker, model, name }: Identity): string {
  const line = model.toLowerCase().startsWith(maker.toLowerCase()) ? model : `${maker} ${model}`
  return line.trim() || name.trim()
}

/** The display name of a family; an unknown one stands as it came. */
export function familyName(family: string): string {
  const known = FAMILIES.find((one) => one === family)
  return known === undefined || known === '' ? family : t(`family.${known}`)
}

/** The same in few letters, for rows of a list. */
export function familyShort(family: string): string {
  return family === 'isapi' || family === 'dahua' ? t(`family.${family}Short`) : familyName(family)
}

/** A SHA-256 in groups of four, so that two can be compared by eye. */
export function fingerprint(hex: string): string {
  return hex.replace(/[^0-9a-f]/gi, '').toUpperCase().replace(/(.{4})(?=.)/g, '$1 ')
}

/** "41 s", "3 min 5 s", "2 h 10 min", "3 d": how far a clock is off. */
export function formatSpan(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return [`${Math.floor(seconds / 60)} min`, seconds % 60 === 0 ? '' : ` ${seconds % 60} s`].join('')
  const minutes = Math.round(seconds / 60)
  if (minutes < 48 * 60) return [`${Math.floor(minutes / 60)} h`, minutes % 60 === 0 ? '' : ` ${minutes % 60} min`].join('')
  return `${Math.round(minutes / 1440)} d`
}
