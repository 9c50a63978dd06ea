import { afterEach, describe, expect, it, vi } from 'vitest'
import { usePlatform, type UiCode } from '@/api/client'
import { CODES } from '@/api/generated'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'
import { FakePlatform, fakeDevice } from '@/platform/fake'
import { devices } from '@/stores/devices'
import { settings } from '@/stores/settings'
import { applyCure, cureLink, failureLink } from './cures'
import { cureFor, curesFor } from './errors'
import { FAQ, FAQ_IDS, faqOfCode } from './faq'
import { TOPICS } from './help'
import { TILE_HELP } from './tilehelp'

const codes: UiCode[] = [...CODES, 'shellGone']
/** While these hold nothing but the lock screen is seen, which has its own words. */
const OF_THE_LOCK: readonly UiCode[] = ['appLocked', 'appPassword', 'appPasswordWait', 'biometricsFailed']
const ofWindows = codes.filter((code) => !OF_THE_LOCK.includes(code))
const at = (messages: unknown, path: string): unknown => path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], messages)
/** Where every cure of the table can help. */
const rich = { transport: 'udp', hardDecoding: true, subStream: true, windows: 16 } as const

describe('help about a window', () => {
  it('knows every code and no other', () => {
    expect(Object.keys(TILE_HELP).sort()).toEqual([...codes].sort())
  })

  describe.each([['en', en], ['zh', zh]] as const)('%s', (_, messages) => {
    it.each(ofWindows)('%s: cause, advice, checks and buttons in words', (code) => {
      const { cures, checks, topic } = TILE_HELP[code]
      expect(checks.length).toBeGreaterThan(0)
      for (const key of [`code.${code}.title`, `code.${code}.cure`, `help.${topic}.title`, ...checks, ...cures.map((cure) => `cure.${cure}`)]) {
        expect(at(messages, key), key).toBeTypeOf('string')
        expect((at(messages, key) as string).length, key).toBeGreaterThan(1)
      }
    })
  })

  it('leaves nobody without a button, but for what no button can cure', () => {
    const without = ofWindows.filter((code) => curesFor(code, { transport: 'auto', hardDecoding: false }).length === 0)
    expect(without).toEqual(['unsupportedCommand', 'shellGone'])
  })

  it('never tries a refused login again', () => {
    for (const code of ['wrongPassword', 'passwordNeeded', 'forbidden', 'lastTry', 'keyLost', 'certificateChanged'] as const) {
      expect(TILE_HELP[code].cures, code).not.toContain('retry')
      expect(cureFor(code, rich)).toBe('editPassword')
    }
  })

  it('has the one-tap cure of each cause', () => {
    for (const [code, cure] of [
      ['tooManySessions', 'subStream'], ['deviceBusy', 'subStream'], ['unsupportedCodec', 'subStream'], ['decoderFailed', 'softDecoding'],
      ['clockSkew', 'deviceClock'], ['hostUnknown', 'editAddress'], ['stalled', 'useTcp'], ['unreachable', 'retry'],
    ] as const) expect(cureFor(code, rich), code).toBe(cure)
    expect(curesFor('unreachable', rich)).toContain('network')
    expect(curesFor('tooManySessions', rich)).toContain('oneWindow')
  })

  it('offers only what can help here', () => {
    const plain = { transport: 'auto', hardDecoding: false } as const
    expect(curesFor('decoderFailed', plain)).toEqual(['retry'])
    expect(curesFor('tooManySessions', { ...plain, windows: 1 })).toEqual(['retry'])
    expect(curesFor('timeout', { ...plain, transport: 'tcp' })).toEqual(['useUdp', 'retry', 'network'])
  })
})

describe('cures', () => {
  afterEach(() => {
    devices.reset()
    devices.takeChanged()
  })

  it('lead to the page where a person goes on', () => {
    const device = fakeDevice({ id: 'd1', host: 'cam é' })
    expect(cureLink('editPassword', device)).toBe('/device/d1')
    expect(cureLink('deviceClock', device)).toBe('/device/d1/about')
    expect(cureLink('network', device)).toBe('/help/reach?host=cam%20%C3%A9')
    expect(cureLink('retry', device)).toBeNull()
    expect(failureLink('timeout', { device: 'a/b', channel: 3 }, true)).toBe('/help/failure/timeout?device=a%2Fb&channel=3&sub=1')
    expect(failureLink('timeout', null, false)).toBe('/help/failure/timeout')
  })

  it('act, and make the wall try the device again', async () => {
    const platform = new FakePlatform()
    const device = fakeDevice({ id: 'd1', transport: 'udp' })
    platform.devices = [device]
    usePlatform(platform)
    await settings.load()
    await applyCure('retry', device)
    expect([...devices.takeChanged()]).toEqual(['d1'])
    await applyCure('useTcp', device)
    expect(platform.devices[0]?.transport).toBe('tcp')
    await applyCure('softDecoding', device)
    expect(platform.settings.hardDecoding).toBe(false)
    await applyCure('oneWindow', device)
    expect(platform.settings.layout).toBe(1)
    const enlarge = vi.fn()
    window.__bartizanWall = { enlarge } as unknown as NonNullable<typeof window.__bartizanWall>
    await applyCure('subStream', device)
    delete window.__bartizanWall
    expect(enlarge).toHaveBeenCalledWith(null)
    expect([...devices.takeChanged()]).toEqual(['d1'])
    await applyCure('editPassword', device)
    expect(devices.takeChanged().size).toBe(0)
  })
})

describe('questions', () => {
  it('are those of the FAQ, every number once', () => {
    const numbers = FAQ_IDS.flatMap((id) => FAQ[id].seed ?? []).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 25 }, (_, at) => at + 1))
  })

  it.each(FAQ_IDS)('%s is asked and answered in both languages, on a page that exists', (id) => {
    for (const messages of [en, zh]) {
      expect(messages.faq[id].q.length).toBeGreaterThan(4)
      expect(messages.faq[id].a.length).toBeGreaterThan(20)
    }
    expect(TOPICS).toContain(FAQ[id].topic)
    for (const code of FAQ[id].codes ?? []) expect(codes).toContain(code)
  })

  it('belong to the failures that raise them', () => {
    expect(faqOfCode('tooManySessions')).toEqual(['maxUsers'])
    expect(faqOfCode('deviceBusy')).toEqual(['outOfResource'])
    expect(faqOfCode('timeout')).toEqual(['loginTimeout', 'wifiOnly'])
  })
})
