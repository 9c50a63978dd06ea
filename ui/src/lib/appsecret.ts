/** What is wrong with a new PIN or password of the app; the core keeps the rules about length again. */
import type { ProtectionKind } from '@/api/generated'

export type SecretFault = 'pinLength' | 'pinEasy' | 'passwordShort' | 'passwordLong'

const PIN = /^[0-9]{6,12}$/
const SHORTEST = 8
const LONGEST = 128

/** The same step from each digit to the next: 000000, 123456, 987654. */
function isEasy(pin: string): boolean {
  const steps = new Set([...pin].slice(1).map((digit, i) => Number(digit) - Number(pin[i])))
  return steps.size === 1 && [-1, 0, 1].includes([...steps][0] ?? 0)
}

export function secretFault(kind: ProtectionKind, secret: string): SecretFault | null {
  if (kind === 'pin') return !PIN.test(secret) ? 'pinLength' : isEasy(secret) ? 'pinEasy' : null
  const length = [...secret].length
  if (length < SHORTEST) return 'passwordShort'
  return length > LONGEST ? 'passwordLong' : null
}
