import { expect, it } from 'vitest'
import { tileFacts, tileLabel, tileWords } from './tile'
import type { TileView } from '@/wall/wall'

const playing: TileView = {
  index: 0, channel: { device: 'a', channel: 1, name: 'Gate', hasSub: true }, phase: 'playing', code: null, detail: null,
  retryAtMs: null, ageMs: 212, hasPicture: true, profile: 'sub', path: 'webcodecs', transport: 'tcp', width: 640, height: 360,
  rect: { x: 0, y: 0, width: 100, height: 60 }, visible: true, selected: false, enlarged: false, zoom: 1,
}
const words = (view: TileView) => tileWords(view, 1000, 'auto', true)

it('is silent while all is well and tells its age when it is late', () => {
  expect(words(playing).text).toBeNull()
  expect(words({ ...playing, ageMs: 2300 }).text).toBe('2.3 s old')
})

it.each([
  ['connecting', 'Connecting…'], ['waitingForKey', 'Waiting for a key frame…'], ['paused', 'Paused'],
  ['stale', 'Picture is 0.2 s old'], ['backoff', 'Reconnecting…'],
] as const)('says %s in words', (phase, text) => expect(words({ ...playing, phase }).text).toBe(text))

it('counts down to the next try', () => {
  expect(words({ ...playing, phase: 'backoff', retryAtMs: 3500, code: 'unreachable' })).toMatchObject({
    text: 'Reconnecting in 3 s', advice: 'The device cannot be reached · Picture is 0.2 s old', cure: 'retry',
  })
})

it('says what failed and what one tap can do', () => {
  expect(words({ ...playing, phase: 'failed', code: 'wrongPassword' })).toMatchObject({ tone: 'bad', cure: 'editPassword' })
})

it('speaks to screen readers', () => {
  expect(tileLabel(playing, words(playing))).toBe('Gate, live, 0.2 s, SD')
  const empty = { ...playing, channel: null, phase: 'empty' as const }
  expect(tileLabel(empty, words(empty))).toBe('Window 1, empty')
})

it('tells the facts of the selected window', () => {
  expect(tileFacts(playing)).toBe('live 0.2 s · SD · 640×360 · TCP')
})
