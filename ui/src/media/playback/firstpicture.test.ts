import { beforeEach, expect, it } from 'vitest'
import type { StreamConfig } from '@/api/generated'
import type { Picture } from '../sinks/sink'
import { FakeClock, settle } from '../testing'
import { FLAG_RANDOM_ACCESS, KIND_ACCESS_UNIT, type WireMessage } from '../wire'
import type { DecoderEvents, UnitDecoder } from './decoder'
import { firstPicture } from './firstpicture'
import type { Span, SpanEvents, SpanSource } from './session'

const CONFIG: StreamConfig = { codec: 'hvc1.1.6.L93.90', delivery: 'encoded', width: 4, height: 2, frameRate: 25, reorderFrames: 0, matrix: 'bt709', fullRange: false, transport: 'tcp', profile: 'main' }
const unit = (ptsUs: number): WireMessage => ({ kind: KIND_ACCESS_UNIT, flags: FLAG_RANDOM_ACCESS, tile: 1, seq: 1, ptsUs, arrivalUs: 0, payload: new Uint8Array(1) })

let clock: FakeClock
let asked: Span[]
let told: SpanEvents
let spanOpen: boolean
let decoding: DecoderEvents
let log: string[]
let open: number

const source: SpanSource = {
  read: (span, events) => {
    asked.push(span)
    told = events
    spanOpen = true
    return { credit: () => undefined, close: () => { spanOpen = false } }
  },
}
const picture = (): Picture => {
  open++
  return { kind: 'planes', width: 4, height: 2, matrix: 'bt709', fullRange: false, arrivalUs: 0, ptsUs: 0, y: new Uint8Array(8), u: new Uint8Array(2), v: new Uint8Array(2), close: () => { open-- } }
}
const createDecoder = (config: StreamConfig, events: DecoderEvents): UnitDecoder => {
  log.push(config.codec)
  decoding = events
  return { inside: 0, feed: (_, { ptsUs }) => log.push(`feed ${ptsUs}`), flush: () => log.push('flush'), reset: () => undefined, close: () => log.push('closed') }
}
const make = (): Promise<string | null> =>
  firstPicture(source, clock, ({ width }) => Promise.resolve(`${width} wide, ${open} open`), createDecoder)

beforeEach(() => {
  clock = new FakeClock()
  asked = []
  log = []
  open = 0
  spanOpen = false
})

it('feeds one picture, asks for it, and lets go of everything', async () => {
  const made = make()
  told.config(CONFIG)
  told.unit(unit(0))
  told.unit(unit(1_000_000))
  told.end()
  decoding.picture(0, 0, picture())
  decoding.picture(0, 0, picture())
  decoding.flushed(0)
  expect(await made).toBe('4 wide, 1 open')
  await settle()
  expect(asked).toEqual([{ fromUs: 0, toUs: null, keysOnly: true, delivery: 'encoded' }])
  expect(log).toEqual(['hvc1.1.6.L93.90', 'feed 0', 'flush', 'closed'])
  expect([spanOpen, open]).toEqual([false, 0])
})

it.each<[string, () => void]>([
  ['nothing comes out', () => decoding.flushed(0)],
  ['the decoder breaks', () => decoding.error('')],
  ['a part is lost', () => told.failed(null, true)],
])('gives nothing where %s', async (_, happen) => {
  const made = make()
  told.config(CONFIG)
  told.unit(unit(0))
  happen()
  expect(await made).toBeNull()
  await settle()
  expect([spanOpen, log.at(-1)]).toEqual([false, 'closed'])
})

it('waits no longer than a person, and tells what the core says', async () => {
  const late = make()
  told.config(CONFIG)
  told.unit(unit(0))
  await clock.advance(10_100)
  expect(await late).toBeNull()
  const empty = make()
  told.end()
  expect(await empty).toBeNull()
  const gone = make()
  told.failed({ code: 'notFound', detail: '' }, false)
  await expect(gone).rejects.toEqual({ code: 'notFound', detail: '' })
  expect(spanOpen).toBe(false)
})
