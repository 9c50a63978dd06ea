/** What is wrong with a password, by the rules that makers print in their cybersecurity advice. */
export type PasswordFault = 'short' | 'kinds' | 'name' | 'sequence' | 'repeat'

export interface PasswordJudgement {
  faults: PasswordFault[]
  /** Kinds of characters in it: capitals, small letters, digits, signs. */
  kinds: number
  /** 0 breaks a rule, 1 keeps them, 2 mixes three kinds, 3 is long as well. */
  strength: 0 | 1 | 2 | 3
}

export const SHORTEST = 8
const FEWEST_KINDS = 2
/** Recommended, and asked for by most factory-fresh devices. */
const GOOD_KINDS = 3
const LONG = 12
const RUN = 3

const KINDS = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/]

const reversed = (text: string): string => [...text].reverse().join('')

/** Neighbours differ by `step`, within digits or within letters: `123`, `cba`; or, with 0, any sign thrice: `aaa`. */
function hasRun(password: string, step: number): boolean {
  const signs = [...password.toLowerCase()]
  let length = 1
  for (let i = 1; i < signs.length; i += 1) {
    const [before, now] = [signs[i - 1] ?? '', signs[i] ?? '']
    const alike = step === 0 || (/[0-9]/.test(before) && /[0-9]/.test(now)) || (/[a-z]/.test(before) && /[a-z]/.test(now))
    length = alike && (now.codePointAt(0) ?? 0) - (before.codePointAt(0) ?? 0) === step ? length + 1 : 1
    if (length >= RUN) return true
  }
  return false
}

/** Judges a new password for `account`; empty where there is no account. */
export function judgePassword(password: string, account: string): PasswordJudgement {
  const faults: PasswordFault[] = []
  const kinds = KINDS.filter((kind) => kind.test(password)).length
  const length = [...password].length
  const name = account.trim().toLowerCase()
  const lower = password.toLowerCase()
  if (length < SHORTEST) faults.push('short')
  if (kinds < FEWEST_KINDS) faults.push('kinds')
  if (name !== '' && (lower.includes(name) || lower.includes(reversed(name)))) faults.push('name')
  if (hasRun(password, 1) || hasRun(password, -1)) faults.push('sequence')
  if (hasRun(password, 0)) faults.push('repeat')
  if (faults.length > 0) return { faults, kinds, strength: 0 }
  if (kinds < GOOD_KINDS) return { faults, kinds, strength: 1 }
  return { faults, kinds, strength: length >= LONG ? 3 : 2 }
}
