import type { Channel, Device } from '@/api/generated'
import type { WallChannel } from '@/wall/wall'

/** All channels of all devices in the user's order. */
export function wallChannels(devices: readonly Device[]): WallChannel[] {
  return devices.flatMap((device) => device.channels.map((channel) => ({
    device: device.id,
    channel: channel.number,
    name: channelName(device, channel),
    hasSub: channel.streams.some((stream) => stream.profile === 'sub'),
    subWidth: channel.streams.find((stream) => stream.profile === 'sub')?.width ?? null,
  })))
}

/**
 * The name on the picture. A camera is one thing, so it carries the name the user gave. A recorder's channel without a
 * name of its own ("Yard 3") begins with its number: in a small window the end is cut off, and sixteen times "Yard…"
 * tells nothing.
 */
export function channelName(device: Device, channel: Channel): string {
  return device.channels.length === 1 ? device.name : (ownName(channel) ?? `${channel.number} · ${device.name}`)
}

/** What the device calls the channel; null where it does not say. */
export function ownName({ name }: Channel): string | null {
  return name.trim() === '' ? null : name.trim()
}

export { fittingLayout } from '@/wall/layout'
