import type { Device } from '@/api/generated'
import type { WallChannel } from '@/wall/wall'

/** All channels of all devices in the user's order; a recorder's channels carry its name only where it has none. */
export function wallChannels(devices: readonly Device[]): WallChannel[] {
  return devices.flatMap((device) => device.channels.map((channel) => ({
    device: device.id,
    channel: channel.number,
    name: channelName(device, channel.number, channel.name),
    hasSub: channel.streams.some((stream) => stream.profile === 'sub'),
  })))
}

/** The name on the picture. A camera is one thing, so its own name is the device's name the user gave. */
function channelName(device: Device, number: number, name: string): string {
  if (device.channels.length === 1) return device.name
  return name.trim() === '' ? `${device.name} ${number}` : name
}
