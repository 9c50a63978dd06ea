import type { MediaFile } from '@/api/generated'
import { currentLocale, t } from '@/i18n'

/** "0:07", "12:40", "1:02:03". */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number): string => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A place in a recording, with tenths while pictures are looked at one by one: "0:07.3". */
export function formatPlace(us: number, tenths: boolean): string {
  const ms = Math.max(0, us / 1000)
  return tenths ? `${formatClock(ms)}.${Math.floor((ms % 1000) / 100)}` : formatClock(ms)
}

/** "3.1 MB": as file managers count. */
export function formatBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return new Intl.NumberFormat(currentLocale(), {
    style: 'unit', unit: units[unit] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0,
  }).format(value)
}

export function formatTaken(ms: number): string {
  return new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(ms)
}

/** The day a file belongs to, in the zone of this machine; files stand in groups of it. */
export function dayOf(ms: number): string {
  return new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'full' }).format(ms)
}

/** "Gate 2026-11-21 08-15-30.mp4": sorts by itself, and every system takes it. */
export function fileName(file: MediaFile): string {
  const at = new Date(file.takenAtMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-')
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('-')
  const title = file.title.replace(/[^\p{L}\p{N} _-]+/gu, ' ').trim().slice(0, 60) || 'Bartizan'
  return `${title} ${date} ${time}.${file.kind === 'recording' ? 'mp4' : 'jpg'}`
}

/** All of it in words. */
export function fileLabel(file: MediaFile): string {
  const kind = t(file.kind === 'recording' ? 'files.recording' : 'files.snapshot')
  const length = file.durationMs === null ? [] : [formatClock(file.durationMs)]
  return [kind, file.title, formatTaken(file.takenAtMs), ...length].filter(Boolean).join(', ')
}
