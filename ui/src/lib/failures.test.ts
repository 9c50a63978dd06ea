import { describe, expect, it } from 'vitest'
import { FAILURES } from './failures'
import { HELP, TOPICS } from './help'
import type { UiCode } from '@/api/client'
import { CODES } from '@/api/generated'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'

/** Every way in which adding a device can fail; each must say what to look at. */
const ADDING: UiCode[] = [
  'hostUnknown', 'unreachable', 'timeout', 'notADevice', 'notRtsp', 'passwordNeeded', 'wrongPassword', 'lastTry', 'locked', 'notActivated',
  'certificateChanged', 'clockSkew', 'tooManySessions', 'deviceBusy', 'forbidden', 'channelOffline', 'noVideo', 'noSuchStream', 'weakPassword',
  'cardPassword', 'cardUnreadable', 'notOffered',
]

const at = (messages: unknown, path: string): unknown => path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], messages)

describe('failures', () => {
  it('knows every code', () => {
    expect(Object.keys(FAILURES).sort()).toEqual([...CODES, 'shellGone'].sort())
  })

  it.each(ADDING)('%s: what to check, in both languages', (code) => {
    const { checks } = FAILURES[code]
    expect(checks.length).toBeGreaterThan(0)
    for (const check of checks) {
      expect(at(en, check), check).toBeTypeOf('string')
      expect(at(zh, check), check).toBeTypeOf('string')
    }
  })

  it('never offers a refused login again as it is', () => {
    for (const code of ['wrongPassword', 'passwordNeeded', 'forbidden', 'keyLost'] as const) expect(FAILURES[code].remedy).toBe('login')
    expect(FAILURES.locked.remedy).toBe('wait')
    expect(FAILURES.lastTry.remedy).toBe('spendLastTry')
  })

  it('tells a full device from a busy one, and a wrong password from a lock', () => {
    expect(FAILURES.tooManySessions.checks).not.toEqual(FAILURES.deviceBusy.checks)
    expect(FAILURES.wrongPassword.checks).not.toEqual(FAILURES.locked.checks)
  })

  it('leads everything about the network to the diagnosis', () => {
    for (const code of ['hostUnknown', 'unreachable', 'timeout', 'notADevice', 'notRtsp'] as const) expect(FAILURES[code].topic).toBe('reach')
  })
})

it.each(TOPICS)('help about %s is complete in both languages', (topic) => {
  const { title, lead, sections } = HELP[topic]
  expect(sections.length).toBeGreaterThan(1)
  for (const key of [title, lead, ...sections.flatMap((section) => [section.title, section.text])]) {
    expect(at(en, key), key).toBeTypeOf('string')
    expect(at(zh, key), key).toBeTypeOf('string')
  }
})
