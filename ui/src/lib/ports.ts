import type { Ports } from '@/api/generated'
import { isPublic } from './address'

/** Ports that everybody tries first: scanners find a device behind them within hours. */
const COMMON: ReadonlySet<number> = new Set([21, 22, 23, 80, 81, 88, 554, 8000, 8080, 8081, 8554, 9000, 34567, 37777, 37778])
/** The one that may stay: encrypted, and open everywhere. */
const WEB = 443

/** How much of a device stands open to the world. */
export interface Exposure {
  /** `low` only the encrypted web port; `medium` more than that; `high` ports that everybody tries. */
  risk: 'low' | 'medium' | 'high'
  /** Ports in use that everybody tries, ascending. */
  common: number[]
  /** All ports that would have to be open, ascending. */
  open: number[]
}

/** What an address outside the own network gives away; null for a local one. Absent ports are the usual ones. */
export function exposure(host: string, ports: Ports): Exposure | null {
  if (!isPublic(host)) return null
  // With only the HTTPS port given, control goes there and nothing else has to be mapped for it.
  const http = ports.http ?? (typeof ports.https === 'number' ? undefined : 80)
  const given = [http, ports.https, ports.rtsp ?? 554, ports.server].filter((port) => typeof port === 'number')
  const open = [...new Set(given)].sort((a, b) => a - b)
  const common = open.filter((port) => COMMON.has(port))
  const risk = common.length > 0 ? 'high' : open.every((port) => port === WEB) ? 'low' : 'medium'
  return { risk, common, open }
}
