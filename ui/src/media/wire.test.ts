import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isKnownKind, parseMessages, readConfig, readState, seqDistance, WireError } from './wire'
import { message, concat, randomSource } from './testing'

interface Vectors {
  valid: {
    name: string
    hex: string
    header: { kind: number; flags: number; tile: number; seq: number; ptsUs: number; arrivalUs: number }
    payloadHex: string
  }[]
  invalid: { name: string; hex: string; error: 'torn' | 'length' | 'version' }[]
}

const path = resolve(process.cwd(), '../docs/media-wire-vectors.json')
const fromHex = (hex: string): ArrayBuffer => Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16)).buffer
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')

function errorOf(buffer: ArrayBuffer): unknown {
  try {
    parseMessages(buffer)
    return null
  } catch (error) {
    return error
  }
}

describe('golden vectors', () => {
  const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors

  it('exist', () => {
    expect(vectors.valid.length).toBeGreaterThan(0)
    expect(vectors.invalid.length).toBeGreaterThan(0)
  })
  for (const vector of vectors.valid) {
    it(`reads ${vector.name}`, () => {
      const [first, ...rest] = parseMessages(fromHex(vector.hex))
      expect(rest).toEqual([])
      expect(first).toMatchObject(vector.header)
      expect(toHex(first!.payload)).toBe(vector.payloadHex)
    })
  }
  it('reads all of them back to back', () => {
    const all = concat(vectors.valid.map((v) => new Uint8Array(fromHex(v.hex))))
    expect(parseMessages(all).map((m) => m.seq)).toEqual(vectors.valid.map((v) => v.header.seq))
  })
  for (const vector of vectors.invalid) {
    it(`refuses ${vector.name}`, () => {
      const error = errorOf(fromHex(vector.hex))
      expect(error).toBeInstanceOf(WireError)
      expect((error as WireError).kind).toBe(vector.error)
    })
  }
})

describe('reading', () => {
  it('does not copy payloads', () => {
    const buffer = concat([message({ seq: 1, payload: [1, 2] }), message({ seq: 2, kind: 3, payload: [9] })])
    const [a, b] = parseMessages(buffer)
    expect(a!.payload.buffer).toBe(buffer)
    expect(Array.from(b!.payload)).toEqual([9])
  })

  it('says where a message is torn', () => {
    const whole = message({ seq: 1, payload: [1, 2, 3] })
    const error = errorOf(concat([whole, whole.slice(0, 34)])) as WireError
    expect([error.kind, error.offset]).toEqual(['torn', 35])
  })

  it('hands on unknown kinds for their seq and says that they are unknown', () => {
    const [m] = parseMessages(concat([message({ seq: 7, kind: 99 })]))
    expect(m!.seq).toBe(7)
    expect(isKnownKind(m!.kind)).toBe(false)
    expect([1, 2, 3, 4, 5, 6].every(isKnownKind)).toBe(true)
  })

  it('throws nothing but wire errors on garbage', () => {
    const random = randomSource(7)
    let refused = 0
    for (let round = 0; round < 3000; round++) {
      const bytes = new Uint8Array(Math.floor(random() * 120))
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() < 0.6 ? 0 : Math.floor(random() * 256)
      // Half of the rounds start plausibly, so that the later checks are reached too.
      if (bytes.length > 5 && round % 2) bytes.set([32 + (round % 70), 0, 0, 0, 1])
      const error = errorOf(bytes.buffer)
      if (error !== null) {
        refused++
        expect(error).toBeInstanceOf(WireError)
      }
    }
    expect(refused).toBeGreaterThan(1000)
    expect(refused).toBeLessThan(3000)
  })

  it('reads JSON payloads leniently and refuses what is none', () => {
    const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
    const config = { codec: 'avc1.64001f', delivery: 'encoded', width: 640, height: 360, new: 1 }
    expect(readConfig(bytes(config))).toMatchObject({ codec: 'avc1.64001f', frameRate: null, reorderFrames: 0 })
    expect(readConfig(bytes({ codec: 'x' }))).toBeNull()
    expect(readConfig(Uint8Array.of(0xff, 0x7b))).toBeNull()
    expect(readState(bytes({ phase: 'backoff', retryInMs: 5 }))).toMatchObject({ phase: 'backoff', retryInMs: 5 })
    expect(readState(bytes([]))).toBeNull()
  })

  it('counts around the end of seq', () => {
    expect(seqDistance(0xffffffff, 0)).toBe(1)
    expect(seqDistance(0, 0xffffffff)).toBe(-1)
    expect(seqDistance(10, 13)).toBe(3)
  })
})
