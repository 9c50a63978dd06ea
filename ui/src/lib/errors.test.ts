import { afterEach, describe, expect, it } from 'vitest'
import { cureFor, errorCure, errorText, errorTitle } from './errors'
import type { UiCode } from '@/api/client'
import { CODES } from '@/api/generated'
import { setLocale } from '@/i18n'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'

const codes: UiCode[] = [...CODES, 'shellGone']
afterEach(() => setLocale('en'))

describe.each([['en', en], ['zh', zh]] as const)('%s', (locale, messages) => {
  it.each(codes)('%s has a sentence and a cure', (code) => {
    setLocale(locale)
    expect(errorTitle(code)).toBe(messages.code[code].title)
    expect(errorCure(code, null)).toBe(messages.code[code].cure)
    expect(errorTitle(code).length).toBeGreaterThan(2)
    expect(errorCure(code, null).length).toBeGreaterThan(5)
  })

  it('tells every failure apart', () => {
    expect(new Set(codes.map((code) => messages.code[code].title)).size).toBe(codes.length)
  })
})

it('has the same places to fill in in both languages', () => {
  const flat = (value: unknown, path = ''): [string, string][] =>
    typeof value === 'string'
      ? [[path, value]]
      : Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) => flat(inner, `${path}.${key}`))
  const holes = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()
  const english = new Map(flat(en))
  for (const [path, text] of flat(zh)) expect([path, holes(text)]).toEqual([path, holes(english.get(path) ?? '')])
})

describe('cures', () => {
  const at = { transport: 'auto', hardDecoding: true } as const

  it('never offers to try a refused password again', () => {
    for (const code of ['wrongPassword', 'passwordNeeded', 'keyLost'] as const) expect(cureFor(code, at)).toBe('editPassword')
  })

  it('offers the other way of travel only where the user had fixed one', () => {
    expect(cureFor('stalled', at)).toBe('retry')
    expect(cureFor('stalled', { ...at, transport: 'udp' })).toBe('useTcp')
    expect(cureFor('timeout', { ...at, transport: 'tcp' })).toBe('useUdp')
  })

  it('offers the software decoder once', () => {
    expect(cureFor('decoderFailed', at)).toBe('softDecoding')
    expect(cureFor('decoderFailed', { ...at, hardDecoding: false })).toBe('retry')
  })

  it('tells the waiting time a device asked for', () => {
    expect(errorCure('locked', 90_000)).toContain('2 minutes')
    expect(errorCure('locked', 30_000)).toContain('30 seconds')
    setLocale('zh')
    expect(errorCure('locked', 1_800_000)).toContain('30 分钟')
  })

  it('joins sentences as each language does', () => {
    expect(errorText({ code: 'notFound', retryAfterMs: null })).toBe(`${en.code.notFound.title}. ${en.code.notFound.cure}`)
    setLocale('zh')
    expect(errorText({ code: 'notFound', retryAfterMs: null })).toBe(`${zh.code.notFound.title}。${zh.code.notFound.cure}`)
    expect(errorText({ code: 'locked', retryAfterMs: 90_000 })).not.toMatch(/[.。] /)
  })
})
