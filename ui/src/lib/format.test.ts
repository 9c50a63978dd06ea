import { expect, it } from 'vitest'
import { channelSizes, formatAddress, formatAge, secondsUntil } from './format'
import { resolveTheme } from './theme'
import { fittingLayout, wallChannels } from './wallchannels'
import { resolveLocale } from '@/i18n'
import { fakeChannel, fakeDevice } from '@/platform/fake'
import { takeToken } from '@/platform/web'

const device = fakeDevice({ channels: [fakeChannel(1, 'Gate'), fakeChannel(2, '')] })

it.each([[0, '0.0 s'], [212, '0.2 s'], [9_940, '9.9 s'], [14_200, '14 s'], [180_000, '3 min'], [7_200_000, '2 h'], [-5, '0.0 s']])(
  'age %d ms is %s', (ms, text) => expect(formatAge(ms)).toBe(text),
)

it('formats addresses, sizes and countdowns', () => {
  expect(formatAddress('192.0.2.7', 554)).toBe('192.0.2.7:554')
  expect(formatAddress('2001:db8::1', 8554)).toBe('[2001:db8::1]:8554')
  expect(channelSizes(fakeChannel(1))).toBe('1920×1080 + 640×360')
  expect(channelSizes({ number: 1, name: '', streams: [] })).toBe('size not stated')
  expect(secondsUntil(2_500, 0)).toBe(3)
  expect(secondsUntil(0, 9_000)).toBe(0)
})

it('names the windows of a recorder by channel, of a camera by device', () => {
  expect(wallChannels([device]).map((one) => one.name)).toEqual(['Gate', '2 · Yard'])
  expect(wallChannels([{ ...device, channels: [fakeChannel(1, 'Camera 1')] }]).map((one) => one.name)).toEqual(['Yard'])
})

it.each([[0, 1], [1, 1], [2, 2], [3, 4], [5, 6], [7, 8], [9, 9], [10, 12], [13, 16], [64, 16]])('%d channels begin with %d windows', (n, windows) => {
  expect(fittingLayout(n)).toBe(windows)
})

it('follows the system where the user did not choose', () => {
  expect(resolveTheme('system', true)).toBe('dark')
  expect(resolveTheme('light', true)).toBe('light')
  expect(resolveLocale('system', ['fr-FR', 'zh-CN', 'en'])).toBe('zh')
  expect(resolveLocale('system', ['fr'])).toBe('en')
  expect(resolveLocale('en', ['zh'])).toBe('en')
})

it('takes the token out of the address and keeps it for the tab', () => {
  const kept = new Map<string, string>()
  const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) } as Storage
  const replaced: string[] = []
  const history = { state: null, replaceState: (_s: unknown, _t: string, url: string) => void replaced.push(url) } as unknown as History
  const at = (href: string): Location => ({ href }) as Location
  expect(takeToken(at('http://127.0.0.1:1/?token=abc&x=1#/me'), history, storage)).toBe('abc')
  expect(replaced).toEqual(['/?x=1#/me'])
  expect(takeToken(at('http://127.0.0.1:1/#/me'), history, storage)).toBe('abc')
})
