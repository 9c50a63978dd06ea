import { expect, it } from 'vitest'
import { steadyAge, WallNews } from './heard'
import { emptyView, type TileView } from '@/wall/tile'

const view = (n: number, phase: TileView['phase']): TileView =>
  ({ ...emptyView(n, { x: 0, y: 0, width: 1, height: 1 }, false), channel: { device: 'a', channel: n, name: `Camera ${n}`, hasSub: true }, phase })
const why = (): string => 'Too many viewers'

it.each([[0, 'under 1 s'], [999, 'under 1 s'], [1000, 'over 1 s'], [4999, 'over 2 s'], [59_000, 'over 30 s'], [125_000, 'over 2 min'], [1e9, 'over 60 min']])(
  'says %d ms as %s', (ms, text) => expect(steadyAge(ms)).toBe(text),
)

it('tells of a failure once, not with each try, and of the return', () => {
  const news = new WallNews()
  const says = (...phases: TileView['phase'][]) => phases.map((phase) => news.next([view(1, phase)], why))
  expect(says('connecting', 'playing', 'stale', 'backoff')).toEqual([null, null, null, null])
  expect(says('failed', 'failed', 'connecting', 'failed', 'connecting')).toEqual(['Camera 1: Too many viewers', null, null, null, null])
  expect(says('playing', 'playing')).toEqual(['Camera 1 is live again', null])
})

it('says one sentence for many', () => {
  const news = new WallNews()
  expect(news.next([1, 2, 3, 4].map((n) => view(n, 'failed')), why)).toBe('No picture from 4 cameras: Camera 1, Camera 2, Camera 3…')
  expect(news.next([1, 2].map((n) => view(n, 'playing')), why)).toBe('2 cameras are live again')
})
