import type { Channel, StreamInfo } from '@/api/generated'
import { currentLocale, t } from '@/i18n'

/** "0.2 s", "14 s", "3 min", "2 h": as exact as it is useful. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${oneDecimal(seconds)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  return minutes < 90 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`
}

function oneDecimal(value: number): string {
  return new Intl.NumberFormat(currentLocale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value)
}

/** Seconds from now to a moment, never below zero. */
export function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000))
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
