import { regionLocale } from './region'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** "0 B", "950 kB", "12.3 MB", "1.2 GB": powers of ten, as mobile contracts count. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit >= 2 && value < 100 ? 1 : 0
  return `${new Intl.NumberFormat(regionLocale(), { maximumFractionDigits: digits }).format(value)} ${UNITS[unit]}`
}
