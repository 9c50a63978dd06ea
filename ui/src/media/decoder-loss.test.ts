/** Every way in which a decoder is lost: how soon it is noticed, how it is healed, and where that ends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DecoderLoss } from './player'
import { lossOf, WebCodecsSink } from './sinks/webcodecs'
import { FakeClock, message, settle } from './testing'
import { Player } from './tile-player'
import { parseMessages, type WireMessage } from './wire'

const TICK_MS = 250
const FRAME_MS = 40

type Behaviour = 'works' | 'silent' | 'refuses' | 'throws' | 'fails'

/** An engine with so many decoders, whose next one behaves as told. */
class Engine {
  static next: Behaviour = 'works'
  static all: Engine[] = []
  static get alive(): Engine[] {
    return Engine.all.filter((one) => one.state === 'configured')
  }
  state: CodecState = 'unconfigured'
  behaviour: Behaviour = Engine.next
  inside: number[] = []
  flushed = 0
  readonly init: VideoDecoderInit
  constructor(init: VideoDecoderInit) {
    this.init = init
    Engine.all.push(this)
  }
  get decodeQueueSize(): number {
    return this.inside.length
  }
  configure(): void {
    if (this.behaviour === 'throws') throw new DOMException('no decoder left', 'QuotaExceededError')
    this.state = 'configured'
    if (this.behaviour === 'refuses') queueMicrotask(() => this.die('QuotaExceededError'))
  }
  decode(chunk: { timestamp: number }): void {
    if (this.state !== 'configured') throw new DOMException('closed', 'InvalidStateError')
    this.inside.push(chunk.timestamp)
    if (this.behaviour === 'fails') queueMicrotask(() => this.die('EncodingError'))
    if (this.behaviour === 'works') queueMicrotask(() => this.emit())
  }
  flush(): Promise<void> {
    this.flushed++
    return this.behaviour === 'works' ? Promise.resolve().then(() => this.emit()) : new Promise(() => undefined)
  }
  close(): void {
    this.state = 'closed'
  }
  die(name: string): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.init.error(new DOMException('lost', name))
  }
  emit(): void {
    const timestamp = this.inside.shift()
    if (timestamp === undefined || this.state !== 'configured') return
    this.init.output({ timestamp, displayWidth: 64, displayHeight: 64, close: () => undefined } as unknown as VideoFrame)
  }
}

let clock: FakeClock
let player: Player
let shown: number
let credits: number
let fed: number
let asked: number[]
let fellBack: number
let unsupported: number
let losses: [DecoderLoss | 'silent', boolean][]

beforeEach(() => {
  Engine.all = []
  Engine.next = 'works'
  vi.stubGlobal('VideoDecoder', Engine)
  vi.stubGlobal('EncodedVideoChunk', class {
    constructor(init: EncodedVideoChunkInit) {
      Object.assign(this, init)
    }
  })
  clock = new FakeClock()
  shown = credits = fed = fellBack = unsupported = 0
  asked = []
  losses = []
  player = new Player({
    clock,
    createSink: (config, events, pace) => new WebCodecsSink(config, events, pace),
    canDecode: () => Promise.resolve(true),
    credit: (_, n) => { credits += n },
    picture: (picture) => {
      shown++
      picture.close()
    },
    fallBack: () => fellBack++,
    unsupported: () => unsupported++,
    changed: () => undefined,
    askKey: () => asked.push(clock.now()),
    lost: (loss, explicit) => losses.push([loss, explicit]),
  })
})
afterEach(() => vi.unstubAllGlobals())

const wire = (fields: Parameters<typeof message>[0]): WireMessage => parseMessages(message(fields).buffer)[0]!
const begin = (codec = 'avc1.64001f'): void => {
  player.open(1, 'encoded')
  player.message(wire({ kind: 1, tile: 1, json: { codec, delivery: 'encoded', width: 64, height: 64, frameRate: 25, reorderFrames: 0, matrix: 'bt709', fullRange: true, transport: 'tcp', profile: 'sub' } }))
}

/** The stream goes on, a random access point a second; the wall ticks; and whoever asks for one gets it. */
async function run(ms: number, answer = true): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end;) {
    const at = clock.now()
    const key = at % 1000 === 0 || (answer && asked.length > 0 && at - asked.at(-1)! < FRAME_MS)
    fed++
    player.message(wire({ kind: 2, tile: 1, flags: key ? 1 : 0, ptsUs: at * 1000, arrivalUs: clock.utc() * 1000, payload: [0] }))
    await clock.advance(FRAME_MS)
    if (clock.now() % TICK_MS < FRAME_MS) player.tick()
    await settle()
  }
}

describe('a decoder that worked', () => {
  it('and is reclaimed is made anew in the same breath, and asks for its group of pictures', async () => {
    begin()
    await run(2200)
    Engine.alive[0]!.die('QuotaExceededError')
    expect(Engine.all).toHaveLength(2)
    expect(losses).toEqual([['reclaimed', true]])
    expect(asked).toEqual([clock.now()])
    const before = shown
    await run(200)
    expect(shown).toBeGreaterThan(before)
    expect([player.phase, fellBack]).toEqual(['playing', 0])
  })
  it('and falls silent is noticed within a second, and starts with the group of pictures it asks for', async () => {
    begin()
    await run(3000)
    Engine.alive[0]!.behaviour = 'silent'
    const since = clock.now()
    await run(1000)
    expect(Engine.all).toHaveLength(2)
    expect(asked[0]! - since).toBeLessThanOrEqual(1000)
    const before = shown
    await run(300)
    expect(shown).toBeGreaterThan(before)
    expect(losses).toEqual([]) // it worked, so there are not too many
  })
  it('and is slow, not dead, is left in peace', async () => {
    begin()
    await run(1000)
    const one = Engine.alive[0]!
    one.behaviour = 'silent'
    // A picture every 360 ms: ever more behind, but alive.
    for (let i = 0; i < 8; i++) {
      await run(360)
      one.emit()
    }
    await run(640)
    expect(Engine.all.length).toBeLessThanOrEqual(2)
    expect(losses).toEqual([])
  })
  it('waits for the stream where nobody answers', async () => {
    begin()
    await run(1400)
    Engine.alive[0]!.die('EncodingError')
    const before = shown
    await run(560, false)
    expect(shown).toBe(before)
    await run(120, false)
    expect(shown).toBeGreaterThan(before)
  })
  it('and is lost again and again goes to the core, with at most so many decoders a minute', async () => {
    begin()
    for (let i = 0; i < 8 && fellBack === 0; i++) {
      await run(400)
      Engine.alive.at(-1)!.die('QuotaExceededError')
    }
    expect([Engine.all.length, fellBack]).toEqual([5, 1])
  })
  it('may be lost once in a while for ever', async () => {
    begin()
    for (let i = 0; i < 12; i++) {
      await run(20_000)
      Engine.alive.at(-1)!.die('QuotaExceededError')
    }
    await run(400)
    expect([Engine.all.length, fellBack, player.phase]).toEqual([13, 0, 'playing'])
  })
  it('of H.265 rests where it is lost too often, since nobody else can decode it', async () => {
    begin('hvc1.1.6.L93.B0')
    for (let i = 0; i < 5; i++) {
      await run(400)
      Engine.alive.at(-1)!.die('QuotaExceededError')
    }
    expect([Engine.all.length, player.state.hasSink, player.state.fault]).toEqual([5, false, null])
    await run(9000)
    expect(Engine.all).toHaveLength(5)
    await run(1500)
    expect([Engine.all.length, player.phase, unsupported]).toEqual([6, 'playing', 0])
  })
})

describe('a decoder that is not given', () => {
  it.each(['refuses', 'throws'] as const)('because the engine %s is asked for once more, then the core decodes', async (how) => {
    Engine.next = how
    begin()
    await run(300)
    expect([losses[0], Engine.all.length, fellBack]).toEqual([['refused', true], 1, 0])
    await run(1000)
    expect([Engine.all.length, fellBack]).toEqual([2, 1])
  })
  it('of H.265 is asked for every ten seconds, and is no codec that does not decode', async () => {
    Engine.next = 'refuses'
    begin('hvc1.1.6.L93.B0')
    await run(5000)
    expect([Engine.all.length, unsupported, player.state.fault]).toEqual([2, 0, null])
    Engine.next = 'works'
    await run(8000)
    expect(player.phase).toBe('playing')
  })
  it('but silently takes everything goes to the core', async () => {
    Engine.next = 'silent'
    begin()
    await run(4500)
    expect(losses.map(([loss]) => loss)).toEqual(['silent', 'silent'])
    expect([Engine.all.length, fellBack]).toEqual([2, 1])
  })
  it('and silently takes everything is noticed sooner where decoders start fast', async () => {
    Engine.next = 'silent'
    begin()
    for (let i = 0; i < 24; i++) {
      player.message(wire({ kind: 2, tile: 1, flags: i === 0 ? 1 : 0, ptsUs: i, arrivalUs: clock.utc() * 1000, payload: [0] }))
      await clock.advance(FRAME_MS)
      player.tick(60)
    }
    expect(Engine.all).toHaveLength(2)
  })
  it('gives all credits back, whatever happens', async () => {
    for (const how of ['fails', 'refuses', 'silent', 'works'] as const) {
      Engine.next = how
      begin()
      await run(3000)
      player.close(false)
    }
    expect(credits).toBe(fed)
  })
})

describe('who lost it', () => {
  it.each([
    [new DOMException('x', 'QuotaExceededError'), true, 'reclaimed', true],
    [new DOMException('x', 'QuotaExceededError'), false, 'refused', true],
    [new DOMException('x', 'EncodingError'), true, 'failed', false],
    [new DOMException('x', 'EncodingError'), false, 'refused', false],
    ['odd', true, 'failed', false],
  ] as const)('%s after an output: %s', (error, hasOutput, loss, explicit) => {
    expect(lossOf(error, hasOutput)).toEqual({ loss, explicit })
  })
})

describe('fewer pictures', () => {
  it('are each pushed out at once', async () => {
    begin()
    await run(1000)
    player.setPace('keys')
    const before = shown
    await run(3000)
    expect(shown - before).toBe(3)
    expect(Engine.all[0]!.flushed).toBe(3)
    expect(player.phase).toBe('playing')
    expect(credits).toBe(fed)
  })
  it('as stills give the decoder back between them', async () => {
    begin()
    await run(1000)
    player.setPace('stills')
    expect(Engine.alive).toHaveLength(0)
    await run(1000)
    expect(Engine.alive).toHaveLength(0)
    expect(Engine.all).toHaveLength(2)
    expect(player.phase).toBe('playing')
  })
  it('go back to all of them at a random access point', async () => {
    begin()
    await run(1000)
    player.setPace('stills')
    await run(1480)
    player.setPace('full')
    const before = shown
    await run(480)
    expect(shown).toBe(before)
    expect(player.phase).toBe('playing')
    await run(200)
    expect(shown).toBeGreaterThan(before + 2)
    expect(player.state.dropped).toBe(0)
  })
  it('are not stale before they may be', async () => {
    begin()
    await run(1000)
    player.setPace('stills')
    await run(1000)
    await clock.advance(25_000)
    expect(player.phase).toBe('playing')
    await clock.advance(6000)
    expect(player.phase).toBe('stale')
  })
  it('that do not come out are noticed too', async () => {
    begin()
    await run(2000)
    player.setPace('keys')
    await run(1000)
    Engine.alive[0]!.behaviour = 'silent'
    await run(1500)
    expect(asked).toHaveLength(1)
  })
})
