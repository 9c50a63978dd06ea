import type { Device } from '@/api/generated'

export const CATEGORIES = ['all', 'camera', 'door', 'alarm'] as const
export type Category = (typeof CATEGORIES)[number]

/** Recorders stand under Camera, as users know it; what never said its kind and has channels does too. */
export function inCategory({ identity, channels }: Device, category: Category): boolean {
  if (category === 'all') return true
  if (category !== 'camera') return identity.class === category
  return identity.class === 'camera' || identity.class === 'recorder' || (identity.class === 'unknown' && channels.length > 0)
}
