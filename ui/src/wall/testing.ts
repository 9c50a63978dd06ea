import { expect } from 'vitest'
import type { OpenReplay, OpenTile, RpcSchema, StreamConfig } from '@/api/generated'
import { concat, type FakeClock, message, type MessageFields } from '@/media/testing'
import type { Socket } from '@/media/websocket'
import type { Rpc } from './streams'

/** The core behind the wall: remembers what is open and can send to it. */
export class FakeCore {
  calls: string[] = []
  open = new Map<number, OpenTile>()
  replays = new Map<number, OpenReplay>()
  sockets: (Socket & { sent: string[] })[] = []
  gate: Promise<void> = Promise.resolve()
  refuse: { code: string; detail: string } | null = null
  private seq = 0
  private sessions = 0
  private readonly clock: FakeClock

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  rpc: Rpc = async <K extends keyof RpcSchema>(name: K, request: RpcSchema[K]['request']): Promise<RpcSchema[K]['response']> => {
    if (name === 'live.open') await this.gate
    this.calls.push(name)
    const answer = (value: unknown): RpcSchema[K]['response'] => value as RpcSchema[K]['response']
    if (name === 'live.connect') {
      this.open.clear()
      this.replays.clear()
      this.seq = 0
      return answer({ session: `s${++this.sessions}`, wsUrl: 'ws://core/', pollUrl: '/poll' })
    }
    if (name === 'live.open') {
      if (this.refuse !== null) throw this.refuse
      const tile = request as OpenTile
      this.open.set(tile.tile, tile)
    }
    if (name === 'replay.open') {
      const tile = request as OpenReplay
      this.replays.set(tile.tile, tile)
    }
    if (name === 'live.close') {
      const { tile } = request as { tile: number }
      this.open.delete(tile)
      this.replays.delete(tile)
    }
    return answer({})
  }

  openSocket = (): Socket => {
    const socket = { binaryType: 'blob' as BinaryType, readyState: 1, onopen: null, onmessage: null, onclose: null, onerror: null, sent: [] as string[], send(text: string) { this.sent.push(text) }, close: () => undefined }
    this.sockets.push(socket)
    queueMicrotask(() => (socket as Socket).onopen?.(new Event('open')))
    return socket
  }

  send(fields: MessageFields): void {
    this.sockets.at(-1)?.onmessage?.({ data: concat([message({ ...fields, seq: ++this.seq })]) } as MessageEvent)
  }

  /** The wire number under which a stream is open; fails the test when it is not. */
  wire(channel: number, profile: 'main' | 'sub' = 'sub'): number {
    const found = [...this.open.values()].filter((t) => t.channel === channel && t.profile === profile)
    expect(found, `channel ${channel} ${profile}`).toHaveLength(1)
    return found[0]!.tile
  }
  get list(): string[] {
    return [...this.open.values()].map((t) => `${t.channel}${t.profile}`).sort()
  }
  config(tile: number, more: Partial<StreamConfig> = {}): void {
    this.send({ kind: 1, tile, json: { codec: 'avc1.64001f', delivery: 'pictures', width: 2, height: 2, frameRate: 25, reorderFrames: 0, matrix: 'bt601', fullRange: false, transport: 'tcp', profile: 'sub', ...more } })
  }
  picture(tile: number, size = 2, ptsUs = 0): void {
    const bytes = new Uint8Array(4 + size * size * 1.5)
    bytes[0] = bytes[2] = size
    this.send({ kind: 3, tile, ptsUs, arrivalUs: this.clock.utc() * 1000 - 30_000, payload: bytes })
  }
}
