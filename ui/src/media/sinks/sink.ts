/** What turns the messages of a tile into pictures. One file per sink beside this one. */
import type { Pace } from '@/api/generated'
import type { DecoderLoss } from '../player'
import type { WireMessage } from '../wire'

interface PictureBase {
  width: number
  height: number
  matrix: 'bt601' | 'bt709'
  fullRange: boolean
  /** When its last packet arrived, µs since 1970 UTC; 0 when unknown. */
  arrivalUs: number
  /** Presentation time on the stream's own clock, µs; of a recording its place in it. */
  ptsUs: number
  /** How much longer it was on its way than the quickest of its stream, ms; absent where nobody measured. */
  lateMs?: number
  /** Frees it; more than once does nothing. */
  close(): void
}

/** A decoded picture. Whoever is handed one closes it. */
export type Picture =
  | (PictureBase & { kind: 'frame'; frame: VideoFrame })
  | (PictureBase & { kind: 'planes'; y: Uint8Array; u: Uint8Array; v: Uint8Array })
  | (PictureBase & { kind: 'nv12'; y: Uint8Array; uv: Uint8Array })

export type SinkPath = 'webcodecs' | 'openh264'

export interface SinkEvents {
  /** In presentation order. */
  picture(picture: Picture): void
  /** So many of the pictures that were fed are done with, shown or not: as many credits go back. */
  released(count: number): void
  /** The sink is broken; it will be closed. `explicit`: the engine said that there are too many decoders. */
  error(detail: string, loss?: DecoderLoss, explicit?: boolean): void
}

export interface Sink {
  readonly path: SinkPath
  /** Pictures that wait to be decoded. */
  readonly queue: number
  /** How long the oldest picture that was fed has been inside, ms. */
  waitMs(now: number): number
  feed(message: WireMessage, now: number): void
  /** Other than at full pace each picture stands alone: it comes out at once, and for stills the decoder is given back. */
  setPace?(pace: Pace): void
  /** Throws away what is inside; the next picture fed starts anew. */
  reset(): void
  /** As reset, and for good. */
  close(): void
}
