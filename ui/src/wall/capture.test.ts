import { beforeEach, expect, it } from 'vitest'
import { FakeClock, settle } from '@/media/testing'
import type { Picture } from '@/media/sinks/sink'
import { type Captured, Captures } from './capture'

const T0 = 1_782_864_000_000_000
const TILE = 7

let clock: FakeClock
let captures: Captures
/** What the engine makes of the next pictures. */
let jpegs: (Blob | null | Error)[]

const picture = (): Picture => {
  const bytes = new Uint8Array(4)
  return { kind: 'planes', y: bytes, u: bytes, v: bytes, width: 2, height: 2, matrix: 'bt709', fullRange: false, arrivalUs: 0, ptsUs: 0, close: () => undefined }
}
/** Pictures of a stream of 25 Hz, from the `from`th to the one before the `to`th. */
function show(from: number, to: number, tile = TILE): void {
  for (let at = from; at < to; at++) captures.shown(tile, picture(), T0 + at * 40_000)
}
const millis = (taken: Captured[]): number[] => taken.map(({ atUs }) => (atUs - T0) / 1000)

beforeEach(() => {
  clock = new FakeClock()
  jpegs = []
  captures = new Captures(clock, () => {
    const [made = new Blob(['jpeg'])] = jpegs.splice(0, 1)
    return made instanceof Error ? Promise.reject(made) : Promise.resolve(made)
  })
})

it('takes the next pictures of a tile, a quarter of a second apart', async () => {
  show(0, 5)
  const taking = captures.take(TILE, 3)
  show(0, 40, TILE + 1)
  show(5, 40)
  expect(millis(await taking)).toEqual([200, 480, 760])
})

it('gives what it has when no more comes, or the tile shows something else', async () => {
  const slow = captures.take(TILE, 3)
  show(0, 1)
  await clock.advance(7900)
  show(100, 101)
  await clock.advance(7900)
  let done = false
  void slow.then(() => { done = true })
  await settle()
  expect(done, 'each picture may take its time').toBe(false)
  await clock.advance(200)
  expect(millis(await slow)).toEqual([0, 4000])

  const moved = captures.take(TILE, 2)
  show(0, 1)
  captures.end(TILE + 1)
  captures.end(TILE)
  show(20, 21)
  expect(millis(await moved)).toEqual([0])

  const nothing = captures.take(TILE, 2)
  await clock.advance(8100)
  expect(await nothing).toEqual([])
})

it('leaves out what the engine makes no picture of', async () => {
  jpegs = [null, new Error('closed')]
  const taking = captures.take(TILE, 3)
  show(0, 40)
  expect(millis(await taking)).toEqual([560])
})
