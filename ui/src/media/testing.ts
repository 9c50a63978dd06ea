/** Builders and fakes for the tests of this folder and of the wall. Not part of the program. */
import type { Speaker } from './sound/speaker'

export interface MessageFields {
  kind?: number
  flags?: number
  tile?: number
  seq?: number
  ptsUs?: number
  arrivalUs?: number
  payload?: ArrayLike<number>
  json?: unknown
}

/** One message of the wire. */
export function message(fields: MessageFields): Uint8Array<ArrayBuffer> {
  const payload = fields.json === undefined
    ? Uint8Array.from(fields.payload ?? [])
    : new TextEncoder().encode(JSON.stringify(fields.json))
  const bytes = new Uint8Array(32 + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint8(4, 1)
  view.setUint8(5, fields.kind ?? 2)
  view.setUint16(6, fields.flags ?? 0, true)
  view.setUint32(8, fields.tile ?? 0, true)
  view.setUint32(12, fields.seq ?? 0, true)
  view.setFloat64(16, fields.ptsUs ?? 0, true)
  view.setFloat64(24, fields.arrivalUs ?? 0, true)
  bytes.set(payload, 32)
  return bytes
}

export function concat(parts: Uint8Array[]): ArrayBuffer {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out.buffer
}

/** Repeatable random numbers in [0, 1): mulberry32. */
export function randomSource(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A clock that stands still until it is told to move. */
export class FakeClock {
  ms = 0
  /** UTC runs beside `ms`, at a plausible distance. */
  readonly epoch = 1_800_000_000_000
  private timers: { id: number; at: number; run: () => void }[] = []
  private next = 1

  now = (): number => this.ms
  utc = (): number => this.epoch + this.ms
  set = (run: () => void, ms: number): number => {
    this.timers.push({ id: this.next, at: this.ms + ms, run })
    return this.next++
  }
  clear = (id: number): void => {
    this.timers = this.timers.filter((t) => t.id !== id)
  }
  get pending(): number {
    return this.timers.length
  }

  /** Moves on, running timers and settled promises in order. */
  async advance(ms: number): Promise<void> {
    const end = this.ms + ms
    await settle()
    for (;;) {
      const due = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0]
      if (!due) break
      this.clear(due.id)
      this.ms = Math.max(this.ms, due.at)
      due.run()
      await settle()
    }
    this.ms = end
  }
}

/** Lets promises that are already settled run their reactions. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve()
}

/** Hears nothing; remembers what it was given. */
export class FakeSpeaker implements Speaker {
  rate = 48_000
  running = true
  opened = 0
  closed = 0
  played: { at: number; calledAt: number; samples: Float32Array }[] = []
  silences = 0
  constructor(private readonly clock: FakeClock) {}
  now = (): number => this.clock.ms / 1000
  latency = (): number => 0.01
  play = (samples: Float32Array<ArrayBuffer>, at: number): void => { this.played.push({ at, calledAt: this.now(), samples }) }
  silence = (): void => { this.silences++ }
  open = (): void => { this.opened++ }
  close = (): void => { this.closed++ }
}
