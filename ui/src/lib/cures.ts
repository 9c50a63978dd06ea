import type { UiCode } from '@/api/client'
import type { Device } from '@/api/generated'
import { devices } from '@/stores/devices'
import { settings } from '@/stores/settings'
import type { Cure } from './tilehelp'

/** The page of help about a failure of a window. */
export function failureLink(code: UiCode, channel: { device: string; channel: number } | null, subStream: boolean): string {
  if (channel === null) return `/help/failure/${code}`
  const query = new URLSearchParams({ device: channel.device, channel: String(channel.channel), ...(subStream && { sub: '1' }) })
  return `/help/failure/${code}?${query.toString()}`
}

/** Where a cure leads that only a person can finish; null for one that acts by itself. */
export function cureLink(cure: Cure, device: Device): string | null {
  switch (cure) {
    case 'editPassword':
    case 'editAddress':
      return `/device/${device.id}`
    case 'deviceClock':
      return `/device/${device.id}/about`
    case 'network':
      return `/help/reach?host=${encodeURIComponent(device.host)}`
    default:
      return null
  }
}

/** Does a cure that acts by itself. The wall tries the device again as soon as it is on screen. */
export async function applyCure(cure: Cure, device: Device): Promise<void> {
  switch (cure) {
    case 'retry':
      break
    case 'softDecoding':
      await settings.set({ hardDecoding: false })
      break
    case 'oneWindow':
      await settings.set({ layout: 1 })
      break
    case 'subStream':
      window.__bartizanWall?.enlarge(null)
      break
    case 'useTcp':
    case 'useUdp':
      await devices.update(device.id, { port: device.port, transport: cure === 'useTcp' ? 'tcp' : 'udp' })
      break
    default:
      return
  }
  devices.markChanged(device.id)
}
