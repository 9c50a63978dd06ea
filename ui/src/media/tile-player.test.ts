import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Player } from './tile-player'
import type { Picture } from './sinks/sink'
import { PicturesSink, readPlanes } from './sinks/pictures'
import { DecodeProbe, familyOf } from './sinks/probe'
import { WebCodecsSink } from './sinks/webcodecs'
import { FakeClock, message, randomSource, settle } from './testing'
import { parseMessages, type WireMessage } from './wire'

/** Stands in for the engine's decoder: pictures come out when told, in presentation order, and every one is counted. */
class FakeDecoder {
  static all: FakeDecoder[] = []
  static frames = { made: 0, closed: 0, closedTwice: 0 }
  state: CodecState = 'unconfigured'
  inside: number[] = []
  readonly init: VideoDecoderInit
  constructor(init: VideoDecoderInit) {
    this.init = init
    FakeDecoder.all.push(this)
  }
  get decodeQueueSize(): number {
    return this.inside.length
  }
  configure(): void {
    this.state = 'configured'
  }
  decode(chunk: { timestamp: number }): void {
    if (this.state !== 'configured') throw new Error('not configured')
    this.inside.push(chunk.timestamp)
  }
  close(): void {
    this.state = 'closed'
    this.inside = []
  }
  emit(): void {
    if (this.inside.length === 0 || this.state !== 'configured') return
    const timestamp = Math.min(...this.inside)
    this.inside.splice(this.inside.indexOf(timestamp), 1)
    this.output(timestamp)
  }
  output(timestamp: number): void {
    FakeDecoder.frames.made++
    let open = true
    this.init.output({
      timestamp, displayWidth: 64, displayHeight: 64,
      close: () => {
        FakeDecoder.frames[open ? 'closed' : 'closedTwice']++
        open = false
      },
    } as unknown as VideoFrame)
  }
}

const CONFIG = {
  codec: 'avc1.64001f', delivery: 'encoded', width: 64, height: 64, frameRate: 25, reorderFrames: 0, matrix: 'bt709',
  fullRange: true, transport: 'tcp', profile: 'sub',
}

let clock: FakeClock
let credits: Map<number, number>
let pictures: Picture[]
let fellBack: number
let player: Player

beforeEach(() => {
  FakeDecoder.all = []
  FakeDecoder.frames = { made: 0, closed: 0, closedTwice: 0 }
  vi.stubGlobal('VideoDecoder', FakeDecoder)
  vi.stubGlobal('EncodedVideoChunk', class {
    constructor(init: EncodedVideoChunkInit) {
      Object.assign(this, init)
    }
  })
  clock = new FakeClock()
  credits = new Map()
  pictures = []
  fellBack = 0
  player = new Player({
    clock,
    createSink: (config, events) => config.delivery === 'pictures' ? new PicturesSink(config, events) : new WebCodecsSink(config, events),
    canDecode: () => Promise.resolve(true),
    credit: (tile, n) => credits.set(tile, (credits.get(tile) ?? 0) + n),
    picture: (p) => pictures.push(p),
    fallBack: () => fellBack++,
    unsupported: () => undefined,
    changed: () => undefined,
  })
})
afterEach(() => vi.unstubAllGlobals())

const wire = (fields: Parameters<typeof message>[0]): WireMessage => parseMessages(message(fields).buffer)[0]!
const config = (delivery = 'encoded', tile = 1): WireMessage => wire({ kind: 1, tile, json: { ...CONFIG, delivery } })
const au = (ptsUs: number, flags = 0, tile = 1): WireMessage => wire({ kind: 2, tile, flags, ptsUs, arrivalUs: clock.utc() * 1000, payload: [0] })
const planes = (tile = 1): WireMessage => wire({ kind: 3, tile, payload: [2, 0, 2, 0, 1, 2, 3, 4, 5, 6] })

describe('player with WebCodecs', () => {
  it('gives a credit back when its picture leaves the decoder, with all before it', () => {
    player.open(1, 'encoded')
    player.message(config())
    for (const [pts, flags] of [[0, 1], [40_000, 0], [80_000, 0]] as const) player.message(au(pts, flags))
    expect(credits.get(1)).toBeUndefined()
    FakeDecoder.all[0]!.emit()
    expect(credits.get(1)).toBe(1)
    // One picture is never shown by the decoder; its credit comes with the next.
    FakeDecoder.all[0]!.output(80_000)
    expect(credits.get(1)).toBe(3)
    expect(pictures.map((p) => p.arrivalUs)).toEqual([clock.utc() * 1000, clock.utc() * 1000])
  })
  it('closes what a decoder gives after it was reset', () => {
    player.open(1, 'encoded')
    player.message(config())
    player.message(au(0, 1))
    player.gap()
    FakeDecoder.all[0]!.output(0)
    expect(pictures).toEqual([])
    expect(FakeDecoder.frames).toEqual({ made: 1, closed: 1, closedTwice: 0 })
    expect(credits.get(1)).toBe(1)
  })
  it('asks for pictures when the probe says no', async () => {
    player = new Player({ ...(player as unknown as { setup: ConstructorParameters<typeof Player>[0] }).setup, canDecode: () => Promise.resolve(false) })
    player.open(1, 'encoded')
    player.message(config())
    player.message(au(0, 1))
    await settle()
    expect(fellBack).toBe(1)
    expect(credits.get(1)).toBe(1)
    expect(FakeDecoder.all[0]!.state).toBe('closed')
  })
  it('gives late credits to the opening they belong to', () => {
    player.open(1, 'pictures')
    player.message(config('pictures'))
    player.message(planes())
    player.open(2, 'pictures')
    pictures[0]!.close()
    pictures[0]!.close()
    expect([...credits]).toEqual([[1, 1]])
  })
})

describe('whatever happens', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))('no credit and no frame is lost (seed %i)', (seed) => {
    const random = randomSource(seed)
    const pick = (n: number): number => Math.floor(random() * n)
    const received = new Map<number, number>()
    let tile = 1
    let delivery: 'encoded' | 'pictures' = 'encoded'
    let pts = 0
    const send = (m: WireMessage): void => {
      received.set(m.tile, (received.get(m.tile) ?? 0) + 1)
      player.message(m)
    }
    player.open(tile, delivery)
    for (let i = 0; i < 400; i++) {
      clock.ms += pick(60)
      const roll = pick(100)
      if (roll < 50) send(au((pts += 40_000) - 40_000 * 2 * pick(2), (pick(8) === 0 ? 1 : 0) | (pick(40) === 0 ? 2 : 0), tile))
      else if (roll < 60) send(planes(tile))
      else if (roll < 80) FakeDecoder.all.at(-1)?.emit()
      else if (roll < 83) player.message(config(delivery, tile))
      else if (roll < 84) player.message(config(pick(2) ? 'encoded' : 'pictures', tile))
      else if (roll < 86) FakeDecoder.all[pick(FakeDecoder.all.length)]?.init.error(new DOMException('x'))
      else if (roll < 87) player.gap()
      else if (roll < 88) clock.ms += 2000
      else if (roll < 89) player.close(pick(2) === 0)
      else if (roll < 91) player.open(++tile, (delivery = pick(2) ? 'encoded' : 'pictures'))
      else if (roll < 92) FakeDecoder.all[pick(FakeDecoder.all.length)]?.output(pts)
      else if (roll < 93) send(wire({ kind: 3, tile, payload: [9, 9, 9] }))
      else if (roll < 97) pictures.splice(pick(pictures.length), 1)[0]?.close()
      else player.tick()
    }
    player.close(false)
    for (const picture of pictures) picture.close()
    expect(credits).toEqual(received)
    expect(received.get(1)).toBeGreaterThan(0)
    expect(FakeDecoder.frames.closed).toBe(FakeDecoder.frames.made)
    expect(FakeDecoder.frames.closedTwice).toBe(0)
    expect(FakeDecoder.all.every((d) => d.state === 'closed')).toBe(true)
  })
})

describe('I420 payloads', () => {
  it('are viewed, not copied', () => {
    const payload = Uint8Array.of(2, 0, 2, 0, 1, 2, 3, 4, 5, 6)
    const got = readPlanes(payload)!
    expect([got.width, got.height, [...got.y], [...got.u], [...got.v]]).toEqual([2, 2, [1, 2, 3, 4], [5], [6]])
    expect(got.v.buffer).toBe(payload.buffer)
  })
  it.each([[[]], [[2, 0, 2, 0, 1, 2, 3, 4, 5]], [[1, 0, 2, 0, 1, 2, 3]], [[0, 0, 0, 0]]])('refuses %j', (bytes) => {
    expect(readPlanes(Uint8Array.from(bytes))).toBeNull()
  })
})

describe('probe', () => {
  it('asks once per family', async () => {
    const asked: string[] = []
    const probe = new DecodeProbe((family) => {
      asked.push(family)
      return Promise.resolve(family === 'avcHigh')
    })
    expect(await Promise.all(['avc1.64001f', 'avc1.640028', 'avc1.42e01e'].map((c) => probe.check(c)))).toEqual([true, true, false])
    expect(asked).toEqual(['avcHigh', 'avcBaseline'])
  })
  it.each([['avc1.4D401F', 'avcMain'], ['avc3.64001f', 'avcHigh'], ['hev1.1.6.L93.B0', 'hevc'], ['vp8', null]] as const)('%s: %s', (codec, family) => {
    expect(familyOf(codec)).toBe(family)
  })
  it('is no when there is no decoder', async () => {
    vi.stubGlobal('VideoDecoder', undefined)
    expect(await new DecodeProbe().check('avc1.64001f')).toBe(false)
  })
})
