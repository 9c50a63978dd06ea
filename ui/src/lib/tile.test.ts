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
  // Held back on purpose.
  expect(words({ ...playing, ageMs: 2300, delayMs: 2000, quality: 'fluent' }).text).toBeNull()
})

it.each([
  ['connecting', 'Connecting…'], ['waitingForKey', 'Waiting for a key frame…'], ['paused', 'Paused'],
  ['stale', 'Picture is 0.2 s old'], ['backoff', 'Reconnecting…'],
] as const)('says %s in words', (phase, text) => expect(words({ ...playing, phase }).text).toBe(text))

it('tells the age of a picture that stands while its stream is opened', () => {
  expect(words({ ...playing, phase: 'connecting', ageMs: 300_000 }).text).toBe('Picture is 5 min old')
  expect(words({ ...playing, phase: 'waitingForKey', ageMs: 40_000 }).text).toBe('Picture is 40 s old')
  expect(words({ ...playing, phase: 'connecting', hasPicture: false, ageMs: null }).text).toBe('Connecting…')
})

it('counts down to the next try', () => {
  expect(words({ ...playing, phase: 'backoff', retryAtMs: 3500, code: 'unreachable' })).toMatchObject({
    text: 'Reconnecting in 3 s', advice: 'The device cannot be reached · Picture is 0.2 s old', cure: 'retry',
  })
})

it('keeps what is wrong and what helps in place while it tries again', () => {
  const waiting = words({ ...playing, phase: 'backoff', retryAtMs: 3500, code: 'unreachable' })
  for (const phase of ['connecting', 'waitingForKey', 'stale'] as const) {
    const trying = { ...playing, phase, code: 'unreachable' } as const
    expect(words(trying), phase).toEqual({ ...waiting, text: 'Reconnecting…' })
    expect(tileLabel(trying, words(trying)), phase).toBe('Gate, reconnecting, under 1 s, SD')
  }
  expect(words({ ...playing, phase: 'connecting' }), 'the first try').toMatchObject({ code: null, cure: null })
  expect(words({ ...playing, code: 'unreachable' }), 'it plays').toMatchObject({ code: null, cure: null })
})

it('says what failed and what one tap can do', () => {
  expect(words({ ...playing, phase: 'failed', code: 'wrongPassword' })).toMatchObject({ tone: 'bad', cure: 'editPassword' })
})

it('speaks to screen readers', () => {
  expect(tileLabel(playing, words(playing), { heard: 'sound on' })).toBe('Gate, live, under 1 s, SD, sound on')
  expect(tileLabel(playing, words(playing))).toBe('Gate, live, under 1 s, SD')
  expect(tileLabel({ ...playing, enlarged: true, profile: 'main' }, words(playing), { recording: true })).toBe('Gate, live, under 1 s, recording, HD, enlarged')
  const failed = { ...playing, phase: 'failed' as const, code: 'wrongPassword' as const, hasPicture: false, ageMs: null }
  expect(tileLabel(failed, words(failed))).toBe('Gate, User name or password is wrong')
  const empty = { ...playing, channel: null, phase: 'empty' as const }
  expect(tileLabel(empty, words(empty))).toBe('Window 1, empty')
})

it('does not count along in the name of a window', () => {
  const names = (views: TileView[]) => new Set(views.map((view) => tileLabel(view, words(view)))).size
  expect(names([50, 212, 640, 999].map((ageMs) => ({ ...playing, ageMs })))).toBe(1)
  expect(names([12_000, 13_000, 14_000].map((ageMs) => ({ ...playing, phase: 'connecting', ageMs })))).toBe(1)
  expect(names([2000, 3000, 4000].map((retryAtMs) => ({ ...playing, phase: 'backoff', code: 'unreachable', retryAtMs, ageMs: 31_000 + retryAtMs })))).toBe(1)
})

it('tells the facts of the selected window', () => {
  expect(tileFacts(playing)).toBe('212 ms old · SD · 640×360 · TCP')
  const fluent = { ...playing, quality: 'fluent', delayMs: 400, lagMs: 423.4 } as const
  expect(tileFacts(fluent)).toBe('423 ms old · Fluent 400 ms · SD · 640×360 · TCP')
  expect(tileFacts({ ...fluent, quality: 'auto', delayMs: 37 })).toContain('Auto 37 ms')
  expect(tileFacts({ ...fluent, quality: 'realTime' })).toContain(' · Real-time · ')
})

it('tells a recording from live video', () => {
  const replay = { ...playing, replay: { askedMs: 0, atMs: 5000 } }
  expect(tileLabel(replay, words(replay))).toBe('Gate, a recording, SD')
  expect(words({ ...replay, phase: 'connecting', ageMs: 300_000 }).text).toBe('Looking for the recording…')
  for (const code of ['nothingRecorded', 'notOffered'] as const) expect(words({ ...replay, phase: 'failed', code })).toMatchObject({ tone: 'bad', cure: 'live' })
  expect(words({ ...replay, phase: 'failed', code: 'wrongPassword' }).cure).toBe('editPassword')
  expect(words({ ...replay, phase: 'failed', code: 'unsupportedCodec', profile: 'main', enlarged: true }).cure, 'a recording has no sub stream').not.toBe('subStream')
  // A live window has nothing to go back to.
  expect(words({ ...playing, phase: 'failed', code: 'nothingRecorded' }).cure).toBe('retry')
})
