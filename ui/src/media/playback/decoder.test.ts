import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StreamConfig } from '@/api/generated'
import type { WireMessage } from '../wire'
import { lend, WebCodecsDecoder } from './decoder'

class Frame {
  static open = 0
  displayWidth = 16
  displayHeight = 16
  constructor(readonly timestamp: number) { Frame.open++ }
  clone(): Frame { return new Frame(this.timestamp) }
  close(): void { Frame.open-- }
}

class Decoder {
  static all: Decoder[] = []
  state = 'configured'
  fed: { type: string; timestamp: number }[] = []
  constructor(readonly init: { output: (frame: Frame) => void; error: (error: Error) => void }) { Decoder.all.push(this) }
  configure(): void { /* nothing to remember */ }
  decode(chunk: { type: string; timestamp: number }): void { this.fed.push(chunk) }
  flush(): Promise<void> { return Promise.resolve() }
  close(): void { this.state = 'closed' }
}

const config = { codec: 'avc1.64001f', width: 16, height: 16, matrix: 'bt601', fullRange: false } as StreamConfig
const unit = (us: number, key = false): WireMessage => ({ kind: 2, flags: key ? 1 : 0, tile: 1, seq: 1, ptsUs: us, arrivalUs: 0, payload: new Uint8Array(1) })

describe('decoding a recording in the page', () => {
  const out: [number, number][] = []
  const errors: string[] = []
  let decoder: WebCodecsDecoder

  beforeEach(() => {
    Frame.open = 0
    Decoder.all = []
    out.length = errors.length = 0
    vi.stubGlobal('VideoDecoder', Decoder)
    vi.stubGlobal('EncodedVideoChunk', class { constructor(init: object) { Object.assign(this, init) } })
    decoder = new WebCodecsDecoder(config, {
      picture: (run, us, picture) => {
        out.push([run, us])
        picture.close()
      },
      flushed: () => undefined,
      error: (detail) => errors.push(detail),
    })
  })
  afterEach(() => vi.unstubAllGlobals())

  it('keeps the place of a picture, also when the same one is decoded for another run', () => {
    decoder.feed(1, unit(0, true))
    decoder.feed(1, unit(40_000))
    decoder.feed(2, unit(0, true))
    const [own] = Decoder.all
    expect(Decoder.all).toHaveLength(1)
    for (const { timestamp } of own?.fed ?? []) own?.init.output(new Frame(timestamp))
    expect(out).toEqual([[1, 0], [1, 40_000], [2, 0]])
    expect(decoder.inside).toBe(0)
    expect(Frame.open).toBe(0)
  })

  it('begins anew where much of an older run is inside, and closes what that still gives', () => {
    for (let i = 0; i < 9; i++) decoder.feed(1, unit(i * 40_000, i === 0))
    decoder.feed(2, unit(7_000_000, true))
    const [old, fresh] = Decoder.all
    expect(old?.state).toBe('closed')
    old?.init.output(new Frame(old.fed[0]?.timestamp ?? 0))
    old?.init.error(new Error('closed'))
    fresh?.init.output(new Frame(fresh.fed[0]?.timestamp ?? 0))
    expect(out).toEqual([[2, 7_000_000]])
    expect(errors).toEqual([])
    expect(Frame.open).toBe(0)
  })

  it('lends a picture that is closed for itself', () => {
    let held: ReturnType<typeof lend> | null = null
    const lending = new WebCodecsDecoder(config, {
      picture: (_, __, picture) => {
        held = lend(picture)
        picture.close()
        picture.close()
      },
      flushed: () => undefined,
      error: () => undefined,
    })
    lending.feed(1, unit(120_000, true))
    Decoder.all[0]?.init.output(new Frame(Decoder.all[0].fed[0]?.timestamp ?? 0))
    expect(Frame.open).toBe(1)
    expect(held).toMatchObject({ ptsUs: 120_000 })
    const lent = held as ReturnType<typeof lend> | null
    lent?.close()
    lent?.close()
    expect(Frame.open).toBe(0)
  })
})
