/** Pictures that were decoded in the core (openh264): I420 planes, used where they lie. */
import type { StreamConfig } from '@/api/generated'
import type { WireMessage } from '../wire'
import type { Picture, Sink, SinkEvents } from './sink'

const PREFIX_BYTES = 4

/** Views of the planes in a kind 3 payload, or null when the payload is none. */
export function readPlanes(payload: Uint8Array): { width: number; height: number; y: Uint8Array; u: Uint8Array; v: Uint8Array } | null {
  if (payload.length < PREFIX_BYTES) return null
  const view = new DataView(payload.buffer, payload.byteOffset, PREFIX_BYTES)
  const width = view.getUint16(0, true)
  const height = view.getUint16(2, true)
  if (width === 0 || height === 0 || width % 2 !== 0 || height % 2 !== 0) return null
  const luma = width * height
  const chroma = luma / 4
  if (payload.length !== PREFIX_BYTES + luma + 2 * chroma) return null
  const u = PREFIX_BYTES + luma
  return {
    width,
    height,
    y: payload.subarray(PREFIX_BYTES, u),
    u: payload.subarray(u, u + chroma),
    v: payload.subarray(u + chroma),
  }
}

export class PicturesSink implements Sink {
  readonly path = 'openh264'
  readonly queue = 0
  private readonly config: StreamConfig
  private readonly events: SinkEvents

  constructor(config: StreamConfig, events: SinkEvents) {
    this.config = config
    this.events = events
  }

  waitMs(): number {
    return 0
  }

  feed(message: WireMessage): void {
    const planes = readPlanes(message.payload)
    if (planes === null) {
      this.events.released(1)
      return
    }
    // The credit goes back when the picture is drawn or overtaken, so a page that cannot keep up is sent fewer.
    let open = true
    const picture: Picture = {
      kind: 'planes',
      ...planes,
      matrix: this.config.matrix,
      fullRange: this.config.fullRange,
      arrivalUs: message.arrivalUs,
      ptsUs: message.ptsUs,
      close: () => {
        if (!open) return
        open = false
        this.events.released(1)
      },
    }
    this.events.picture(picture)
  }

  reset(): void {
    // Nothing is held: whoever was handed a picture closes it.
  }

  close(): void {
    // As above.
  }
}
