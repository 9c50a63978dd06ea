import { expect, it } from 'vitest'
import { judgePassword, type PasswordFault } from './passwords'

it.each<[string, string, PasswordFault[], number]>([
  ['', 'admin', ['short', 'kinds'], 0],
  ['Ab3$ef7', 'admin', ['short'], 0],
  ['wxkqpzrt', 'admin', ['kinds'], 0],
  ['wxkqpz74', 'admin', [], 1],
  ['Wxkqpz74', 'admin', [], 2],
  ['Wxkqpz74-twrv', 'admin', [], 3],
  ['wxkqpzrtmonh7', 'admin', [], 1],
  ['admin-74x', 'admin', ['name'], 0],
  ['x74-NIMDA', 'admin', ['name'], 0],
  ['x74-NIMDA', 'guard', [], 2],
  ['x74-nimda', '', [], 2],
  ['Hx123-wq', 'admin', ['sequence'], 0],
  ['Hx321-wq', 'admin', ['sequence'], 0],
  ['Qabc-7xz', 'admin', ['sequence'], 0],
  ['QaBc-7xz', 'admin', ['sequence'], 0],
  // Two in a row are no sequence, and neither is a step from digits to signs: "9:;" follow each other in ASCII.
  ['Q12-34ab', 'admin', [], 2],
  ['Q9:;xw7z', 'admin', [], 2],
  ['Q111-7xz', 'admin', ['repeat'], 0],
  ['Qaaa-7xz', 'admin', ['repeat'], 0],
  ['QaAa-7xz', 'admin', ['repeat'], 0],
  ['Q11-aa77', 'admin', [], 2],
  ['12345678', 'admin', ['kinds', 'sequence'], 0],
  ['aaaaaaaa', 'admin', ['kinds', 'repeat'], 0],
  ['密码密码密码密码a', 'admin', [], 1],
])('%j for %s: %j', (password, account, faults, strength) => {
  const judged = judgePassword(password, account)
  expect(judged.faults).toEqual(faults)
  expect(judged.strength).toBe(strength)
})
