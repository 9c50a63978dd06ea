import { alertCircleOutline, keypadOutline, serverOutline, videocamOutline } from 'ionicons/icons'
import type { DeviceClass } from '@/api/generated'

/** The picture of a kind of device; always beside a name, never alone. */
export function classIcon(kind: DeviceClass): string {
  switch (kind) {
    case 'recorder': return serverOutline
    case 'door': return keypadOutline
    case 'alarm': return alertCircleOutline
    case 'camera':
    case 'unknown': return videocamOutline
  }
}
