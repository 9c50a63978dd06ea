import { beforeEach, describe, expect, it } from 'vitest'
import type { MovieInfo, StreamConfig } from '@/api/generated'
import type { Picture } from '../sinks/sink'
import { FakeClock, settle } from '../testing'
import { FLAG_RANDOM_ACCESS, KIND_ACCESS_UNIT, type WireMessage } from '../wire'
import type { DecoderEvents, UnitDecoder } from './decoder'
import { PlayerEngine, type Rate } from './engine'
import type { OpenSpan, Span, SpanEvents, SpanSource } from './session'

const INTERVAL = 40_000
const PICTURES = 250
const GOP = 25
const WINDOW = 32

/** Every picture handed out and not closed. */
const open = new Set<object>()

function fakePicture(us: number): Picture {
  const token = {}
  open.add(token)
  return {
    kind: 'planes', width: 2, height: 2, matrix: 'bt601', fullRange: false, arrivalUs: 0, ptsUs: us,
    y: new Uint8Array(4), u: new Uint8Array(1), v: new Uint8Array(1), close: () => { open.delete(token) },
  }
}

/** A movie of ten seconds in memory, as the core reads it. */
class FakeSource implements SpanSource {
  readonly spans: Span[] = []
  open = 0
  codec = 'avc1.64001f'
  private readonly clock: FakeClock
  readonly last: { events: SpanEvents } = { events: null as unknown as SpanEvents }

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  read(span: Span, events: SpanEvents): OpenSpan {
    this.spans.push(span)
    this.last.events = events
    this.open++
    const first = Math.max(0, Math.min(PICTURES - 1, Math.floor(span.fromUs / INTERVAL)))
    let at = span.keysOnly ? Math.ceil(span.fromUs / INTERVAL / GOP) * GOP : span.delivery === 'pictures' ? first : Math.floor(first / GOP) * GOP
    const to = span.toUs === null ? PICTURES : Math.min(PICTURES, Math.ceil(span.toUs / INTERVAL))
    let credits = WINDOW
    let closed = false
    const pump = (): void => {
      while (!closed && credits > 0 && at < to) {
        credits--
        const message: WireMessage = {
          kind: KIND_ACCESS_UNIT, flags: at % GOP === 0 ? FLAG_RANDOM_ACCESS : 0, tile: 1, seq: 1, ptsUs: at * INTERVAL, arrivalUs: 0,
          payload: new Uint8Array(1),
        }
        at += span.keysOnly ? GOP : 1
        events.unit(message)
      }
      if (!closed && at >= to) {
        closed = true
        events.end()
      }
    }
    this.clock.set(() => {
      if (closed) return
      events.config({ codec: this.codec, delivery: span.delivery, reorderFrames: 0, width: 2, height: 2 } as StreamConfig)
      events.start(first * INTERVAL)
      pump()
    }, 5)
    return {
      credit: (count) => {
        credits += count
        if (!closed) this.clock.set(pump, 0)
      },
      close: () => {
        closed = true
        this.open--
      },
    }
  }
}

let costMs = 2
let holdsBack = 0

/** Takes its time, needs a random access point first, and holds pictures back as some do. */
class FakeDecoder implements UnitDecoder {
  private queue: { run: number; us: number }[] = []
  private timer: number | null = null
  private flushRun: number | null = null
  private lastRun = -1
  private lastUs = -1
  private readonly clock: FakeClock
  private readonly events: DecoderEvents

  constructor(clock: FakeClock, events: DecoderEvents) {
    this.clock = clock
    this.events = events
  }

  get inside(): number {
    return this.queue.length
  }

  feed(run: number, message: WireMessage): void {
    const follows = run === this.lastRun && message.ptsUs === this.lastUs + INTERVAL
    if (!follows && !(message.flags & FLAG_RANDOM_ACCESS)) throw new Error(`${message.ptsUs} does not follow ${this.lastUs}`)
    this.lastRun = run
    this.lastUs = message.ptsUs
    this.queue.push({ run, us: message.ptsUs })
    this.schedule()
  }

  flush(run: number): void {
    this.flushRun = run
    this.schedule()
  }

  reset(): void {
    this.queue = []
  }

  close(): void {
    this.queue = []
    if (this.timer !== null) this.clock.clear(this.timer)
  }

  private schedule(): void {
    if (this.timer !== null) return
    this.timer = this.clock.set(() => {
      this.timer = null
      if (this.queue.length > (this.flushRun === null ? holdsBack : 0)) {
        const { run, us } = this.queue.shift() ?? { run: 0, us: 0 }
        this.events.picture(run, us, fakePicture(us))
      } else if (this.flushRun !== null) {
        const run = this.flushRun
        this.flushRun = null
        this.events.flushed(run)
        return
      } else return
      this.schedule()
    }, costMs)
  }
}

const info: MovieInfo = {
  codec: 'avc1.64001f', width: 2, height: 2, durationUs: PICTURES * INTERVAL, pictures: PICTURES, frameRate: 25,
  keyTimesUs: Array.from({ length: PICTURES / GOP }, (_, i) => i * GOP * INTERVAL), sound: false,
}

describe('the player', () => {
  let clock: FakeClock
  let source: FakeSource
  let engine: PlayerEngine
  let shown: number[]
  let decoders: number

  function build(codec = info.codec): void {
    engine = new PlayerEngine({
      clock, source, info: { ...info, codec }, delivery: 'encoded',
      createDecoder: (_, events) => {
        decoders++
        return new FakeDecoder(clock, events)
      },
      show: (picture) => {
        shown.push(picture.ptsUs / INTERVAL)
        picture.close()
      },
      changed: () => undefined,
    })
  }

  beforeEach(() => {
    open.clear()
    costMs = 2
    holdsBack = 0
    decoders = 0
    clock = new FakeClock()
    source = new FakeSource(clock)
    shown = []
    build()
  })

  /** As the page does: a tick for each frame of the screen. */
  async function run(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 16) {
      await clock.advance(16)
      engine.tick()
    }
  }

  async function seekTo(picture: number): Promise<void> {
    void engine.seek(picture * INTERVAL)
    await run(400)
  }

  const last = (): number | undefined => shown.at(-1)

  it('shows the exact picture of a time, and only that one', async () => {
    for (const at of [137, 3, 249, 0, 100]) {
      shown = []
      const done = engine.seek(at * INTERVAL + 39_999)
      await run(300)
      await done
      expect(shown).toEqual([at])
      expect(engine.state).toMatchObject({ shownUs: at * INTERVAL, seeking: false })
    }
    expect(decoders).toBe(1)
  })

  it('steps one picture at a time, both ways, over random access points', async () => {
    await seekTo(52)
    shown = []
    for (let i = 0; i < 20; i++) {
      engine.step(-1)
      await run(160)
    }
    expect(shown).toEqual(Array.from({ length: 20 }, (_, i) => 51 - i))
    shown = []
    for (let i = 0; i < 25; i++) {
      engine.step(1)
      await run(160)
    }
    expect(shown).toEqual(Array.from({ length: 25 }, (_, i) => 33 + i))
  })

  it('loses no step that comes before the last one was shown', async () => {
    await seekTo(60)
    for (let i = 0; i < 4; i++) engine.step(-1)
    await run(500)
    expect(last()).toBe(56)
    for (let i = 0; i < 6; i++) engine.step(1)
    await run(500)
    expect(last()).toBe(62)
  })

  it('stops at both ends', async () => {
    await seekTo(0)
    engine.step(-1)
    await run(200)
    expect(last()).toBe(0)
    expect(engine.state.seeking).toBe(false)
    await seekTo(249)
    engine.step(1)
    await run(200)
    expect(last()).toBe(249)
    expect(engine.state.ended).toBe(true)
    engine.play()
    await run(300)
    expect(engine.state).toMatchObject({ playing: true, ended: false })
    expect(last()).toBeLessThan(20)
  })

  it.each<[Rate, number]>([[0.125, 1 / 8], [0.5, 0.5], [1, 1], [2, 2], [4, 4]])('plays every picture at %f of the speed', async (rate, factor) => {
    await seekTo(0)
    engine.setRate(rate)
    shown = []
    engine.play()
    await run(1600)
    const wanted = 1.6 * 25 * factor
    expect(Math.abs((last() ?? 0) - wanted)).toBeLessThanOrEqual(3)
    // At four times the speed the screen is too slow for all of them.
    if (rate <= 2) expect(shown).toEqual(Array.from({ length: shown.length }, (_, i) => i + 1))
  })

  it('shows random access points above four times the speed', async () => {
    await seekTo(0)
    engine.setRate(8)
    shown = []
    engine.play()
    await run(700)
    expect(engine.state.keysOnly).toBe(true)
    expect(shown.length).toBeGreaterThan(3)
    expect(shown.every((at) => at % GOP === 0)).toBe(true)
    engine.pause()
    const at = last() ?? 0
    engine.step(1)
    await run(300)
    expect(last()).toBe(at + 1)
    engine.step(-1)
    engine.step(-1)
    await run(400)
    expect(last()).toBe(at - 1)
  })

  it('waits for a decoder that is slow at plain speed, and leaves nothing out', async () => {
    await seekTo(0)
    costMs = 90
    shown = []
    engine.play()
    await run(4000)
    expect(engine.state.keysOnly).toBe(false)
    expect(shown).toEqual(Array.from({ length: shown.length }, (_, i) => i + 1))
    expect(shown.length).toBeGreaterThan(30)
  })

  it('goes to random access points where a decoder cannot follow a fast search', async () => {
    await seekTo(0)
    costMs = 60
    engine.setRate(4)
    engine.play()
    await run(3000)
    expect(engine.state.keysOnly).toBe(true)
    // Slower again, all pictures come again.
    costMs = 2
    engine.setRate(1)
    shown = []
    await run(800)
    expect(shown.slice(1).every((at, i) => at === (shown[i] ?? 0) + 1)).toBe(true)
    expect(shown.length).toBeGreaterThan(10)
  })

  it('ends at the end', async () => {
    await seekTo(240)
    engine.play()
    await run(700)
    expect(last()).toBe(249)
    expect(engine.state).toMatchObject({ playing: false, ended: true })
  })

  it('a finger on the time line sees random access points, and what it leaves is exact', async () => {
    await seekTo(0)
    shown = []
    for (let at = 10; at < 200; at += 3) {
      engine.scrub(at * INTERVAL)
      await run(16)
    }
    await run(100)
    expect(shown.length).toBeGreaterThan(5)
    expect(shown.every((at) => at % GOP === 0)).toBe(true)
    await seekTo(133)
    expect(last()).toBe(133)
    engine.step(1)
    await run(200)
    expect(last()).toBe(134)
  })

  it('a wish while another is under way replaces it', async () => {
    void engine.seek(200 * INTERVAL)
    await clock.advance(8)
    const done = engine.seek(7 * INTERVAL)
    await run(300)
    await done
    expect(last()).toBe(7)
    expect(source.open).toBe(1)
  })

  it('takes decoders that hold pictures back, to the last one', async () => {
    holdsBack = 9
    await seekTo(40)
    expect(last()).toBe(40)
    engine.step(1)
    await run(800)
    expect(last()).toBe(41)
    engine.step(-1)
    engine.step(-1)
    await run(800)
    expect(last()).toBe(39)
    await seekTo(249)
    expect(last()).toBe(249)
  })

  it('holds few pictures, and none after its end', async () => {
    await seekTo(100)
    for (let i = 0; i < 40; i++) {
      engine.step(-1)
      await run(100)
      expect(open.size).toBeLessThan(24)
    }
    engine.play()
    await run(500)
    expect(open.size).toBeLessThan(16)
    engine.close()
    await run(200)
    expect(open.size).toBe(0)
    expect(source.open).toBe(0)
  })

  it('lets the core decode what the page cannot, and says so where nobody can', async () => {
    const failing = (codec: string): void => {
      source.codec = codec
      engine = new PlayerEngine({
        clock, source, info: { ...info, codec }, delivery: 'encoded',
        createDecoder: (config, events) => {
          const decoder = new FakeDecoder(clock, events)
          if (config.delivery === 'encoded') decoder.feed = () => queueMicrotask(() => events.error('no'))
          else decoder.feed = (number, message) => events.picture(number, message.ptsUs, fakePicture(message.ptsUs))
          return decoder
        },
        show: (picture) => {
          shown.push(picture.ptsUs / INTERVAL)
          picture.close()
        },
        changed: () => undefined,
      })
    }
    failing('avc1.64001f')
    await seekTo(77)
    expect(last()).toBe(77)
    expect(engine.state).toMatchObject({ delivery: 'pictures', error: null })
    engine.step(-1)
    await run(300)
    expect(last()).toBe(76)
    engine.close()
    failing('hvc1.1.6.L93.B0')
    shown = []
    await seekTo(77)
    expect(shown).toEqual([])
    expect(engine.state.error).toMatchObject({ code: 'unsupportedCodec' })
  })

  it('asks again for what was lost on the way', async () => {
    await seekTo(30)
    engine.play()
    await run(200)
    const at = last() ?? 0
    source.last.events.failed(null, true)
    await run(400)
    await settle()
    expect(shown.slice(shown.indexOf(at)).every((picture, i) => picture === at + i)).toBe(true)
    expect(last()).toBeGreaterThan(at + 5)
  })
})
