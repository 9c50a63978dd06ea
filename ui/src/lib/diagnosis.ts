import type { TextKey } from '@/i18n'
import { isLocal } from './address'

export type Place = 'home' | 'away'
export type Worked = 'yes' | 'no' | 'unknown'

export interface Diagnosis {
  isPrivate: boolean
  /** What to do, in order. */
  steps: TextKey[]
}

/** Why a device does not answer, from where somebody is and what its address can do. An empty host is not known. */
export function diagnose(host: string, place: Place, worked: Worked): Diagnosis {
  const isPrivate = host !== '' && isLocal(host)
  if (place === 'home') {
    return { isPrivate, steps: ['help.reach.homePower', 'help.reach.homeSame', 'help.reach.homePort', 'help.reach.homeSearch'] }
  }
  if (worked === 'no') return { isPrivate, steps: ['help.reach.awayFirst', 'help.reach.homePower', 'help.reach.homeSearch'] }
  const first: TextKey[] = worked === 'unknown' ? ['help.reach.awayFirst'] : []
  if (isPrivate) return { isPrivate, steps: [...first, 'help.reach.awayPrivate'] }
  const name: TextKey[] = /[a-z]/i.test(host) && !host.includes(':') || host === '' ? ['help.reach.awayDdns'] : []
  return { isPrivate, steps: [...first, ...name, 'help.reach.awayMapping', 'help.reach.awayIsp', 'help.reach.awayCgnat'] }
}
