/** Decoding in the web view: WebCodecs, Annex B (so without a `description`; parameter sets come in band). */
import type { Pace, StreamConfig } from '@/api/generated'
import type { DecoderLoss } from '../player'
import { FLAG_RANDOM_ACCESS, type WireMessage } from '../wire'
import type { Sink, SinkEvents } from './sink'

export function decoderConfig(codec: string, width: number, height: number): VideoDecoderConfig {
  return {
    codec,
    codedWidth: width,
    codedHeight: height,
    optimizeForLatency: true,
    // Neither demanded nor refused: a phone has hardware, a desktop under a software renderer does not.
    hardwareAcceleration: 'no-preference',
  }
}

interface Pending {
  timestamp: number
  arrivalUs: number
  fedAt: number
}

/**
 * Engines say `QuotaExceededError` when they take a decoder back (WebCodecs §2.6, resource reclamation) and some when
 * they give none. One that fails before its first picture may be one too many as well, or the stream's fault.
 */
export function lossOf(error: unknown, hasOutput: boolean): { loss: DecoderLoss; explicit: boolean } {
  const quota = error instanceof Object && 'name' in error && error.name === 'QuotaExceededError'
  if (quota) return hasOutput ? { loss: 'reclaimed', explicit: true } : { loss: 'refused', explicit: true }
  return { loss: hasOutput ? 'failed' : 'refused', explicit: false }
}

export class WebCodecsSink implements Sink {
  readonly path = 'webcodecs'
  private decoder: VideoDecoder | null = null
  /** Fed and not yet come out or given up, in the order fed. */
  private pending: Pending[] = []
  /** Outputs of a decoder that was reset meanwhile are none of ours. */
  private generation = 0
  private pace: Pace
  private hasOutput = false
  /** It could not even be set up; its error is on the way. */
  private broken = false
  private readonly config: StreamConfig
  private readonly events: SinkEvents

  constructor(config: StreamConfig, events: SinkEvents, pace: Pace = 'full') {
    this.config = config
    this.events = events
    this.pace = pace
    if (pace !== 'stills') this.create()
  }

  setPace(pace: Pace): void {
    this.pace = pace
    if (pace === 'stills' && this.pending.length === 0) this.closeDecoder()
  }

  get queue(): number {
    return this.decoder?.decodeQueueSize ?? 0
  }

  waitMs(now: number): number {
    const oldest = this.pending[0]
    return oldest === undefined ? 0 : now - oldest.fedAt
  }

  feed(message: WireMessage, now: number): void {
    if (this.broken) {
      this.events.released(1)
      return
    }
    // VideoFrame timestamps are whole numbers, so what is looked up later must be one too.
    const timestamp = Math.round(message.ptsUs)
    this.pending.push({ timestamp, arrivalUs: message.arrivalUs, fedAt: now })
    if (this.decoder === null) this.create()
    try {
      if (this.decoder === null) throw new Error('the decoder is closed')
      this.decoder.decode(new EncodedVideoChunk({
        type: message.flags & FLAG_RANDOM_ACCESS ? 'key' : 'delta',
        timestamp,
        data: message.payload,
      }))
      if (this.pace !== 'full') this.drain()
    } catch (error) {
      this.fail(error)
    }
  }

  reset(): void {
    this.releaseAll()
    this.closeDecoder()
    // A new decoder instead of reset() and configure(): the same cost where it was measured, and no engine's half-reset
    // state to find out about.
    if (this.pace !== 'stills') this.create()
  }

  close(): void {
    this.releaseAll()
    this.closeDecoder()
  }

  /** Does not wait for a next picture to push this one out: that one is seconds away. */
  private drain(): void {
    const generation = this.generation
    const done = (): void => {
      if (generation === this.generation && this.pace === 'stills' && this.pending.length === 0) this.closeDecoder()
    }
    // What goes wrong is told by the decoder's own error.
    this.decoder?.flush().then(done, () => undefined)
  }

  private fail(error: unknown): void {
    const { loss, explicit } = lossOf(error, this.hasOutput)
    this.events.error(String(error), loss, explicit)
  }

  private create(): void {
    const generation = ++this.generation
    this.hasOutput = this.broken = false
    try {
      this.decoder = new VideoDecoder({
        output: (frame) => {
          if (generation === this.generation) this.output(frame)
          else frame.close()
        },
        error: (error) => {
          if (generation === this.generation) this.fail(error)
        },
      })
      this.decoder.configure(decoderConfig(this.config.codec, this.config.width, this.config.height))
    } catch (error) {
      // Told later, as a decoder tells its own errors: the caller has not got this sink yet.
      this.broken = true
      queueMicrotask(() => {
        if (generation === this.generation) this.fail(error)
      })
    }
  }

  private output(frame: VideoFrame): void {
    this.hasOutput = true
    // Output is in presentation order, so whatever is not later than this one will not come any more.
    const own = this.pending.find((p) => p.timestamp === frame.timestamp)
    const before = this.pending.length
    this.pending = this.pending.filter((p) => p.timestamp > frame.timestamp)
    let open = true
    this.events.picture({
      kind: 'frame',
      frame,
      // Not codedWidth and codedHeight: those are padded to whole macroblocks.
      width: frame.displayWidth,
      height: frame.displayHeight,
      matrix: this.config.matrix,
      fullRange: this.config.fullRange,
      arrivalUs: own?.arrivalUs ?? 0,
      ptsUs: frame.timestamp,
      close: () => {
        if (open) frame.close()
        open = false
      },
    })
    const released = before - this.pending.length
    if (released > 0) this.events.released(released)
  }

  private releaseAll(): void {
    this.generation++
    const count = this.pending.length
    this.pending = []
    if (count > 0) this.events.released(count)
  }

  private closeDecoder(): void {
    if (this.decoder !== null && this.decoder.state !== 'closed') this.decoder.close()
    this.decoder = null
  }
}
