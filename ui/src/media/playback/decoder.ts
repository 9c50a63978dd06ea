/** Decoding of recordings: as the sinks of the live view, but every picture keeps its place in the recording. */
import type { StreamConfig } from '@/api/generated'
import { readPlanes } from '../sinks/pictures'
import type { Picture } from '../sinks/sink'
import { decoderConfig } from '../sinks/webcodecs'
import { FLAG_RANDOM_ACCESS, type WireMessage } from '../wire'

export interface DecoderEvents {
  /** In the order of showing. Whoever is handed a picture closes it. `run` is the one its message was fed for. */
  picture(run: number, us: number, picture: Picture): void
  /** All pictures fed before `flush` are out. */
  flushed(run: number): void
  error(detail: string): void
}

export interface UnitDecoder {
  /** Fed, and neither out nor given up. */
  readonly inside: number
  feed(run: number, message: WireMessage): void
  /** No more will be fed for this run: gives what is held back. */
  flush(run: number): void
  /** Throws away what is inside. */
  reset(): void
  close(): void
}

/** Runs are told apart by their time stamps: no recording is as long as this, µs, and the sum stays a whole number. */
const RUN_STRIDE_US = 2 ** 37
const RUNS = 2 ** 15
/** So few pictures of an older run are sooner decoded than a decoder is made. */
const CHEAP_REST = 4

export class WebCodecsDecoder implements UnitDecoder {
  private decoder: VideoDecoder | null = null
  private generation = 0
  /** Fed and not out: stamp to run. */
  private readonly pending = new Map<number, number>()
  private lastRun = -1
  private readonly config: StreamConfig
  private readonly events: DecoderEvents

  constructor(config: StreamConfig, events: DecoderEvents) {
    this.config = config
    this.events = events
  }

  get inside(): number {
    return this.pending.size
  }

  feed(run: number, message: WireMessage): void {
    if (run !== this.lastRun) {
      this.lastRun = run
      if (this.pending.size > CHEAP_REST) this.reset()
    }
    const us = Math.round(message.ptsUs)
    const timestamp = (run % RUNS) * RUN_STRIDE_US + us
    try {
      this.decoder ??= this.create()
      this.pending.set(timestamp, run)
      this.decoder.decode(new EncodedVideoChunk({
        type: message.flags & FLAG_RANDOM_ACCESS ? 'key' : 'delta', timestamp, data: message.payload,
      }))
    } catch (error) {
      this.events.error(String(error))
    }
  }

  flush(run: number): void {
    const { generation } = this
    if (this.decoder === null) {
      this.events.flushed(run)
      return
    }
    this.decoder.flush().then(
      () => { if (generation === this.generation) this.flushed(run) },
      // Reset meanwhile, or broken and told as such.
      () => undefined,
    )
  }

  reset(): void {
    this.generation++
    this.pending.clear()
    if (this.decoder !== null && this.decoder.state !== 'closed') this.decoder.close()
    this.decoder = null
  }

  close(): void {
    this.reset()
  }

  private flushed(run: number): void {
    // What had no picture has none now either.
    this.pending.clear()
    this.events.flushed(run)
  }

  private create(): VideoDecoder {
    const generation = ++this.generation
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (generation === this.generation) this.output(frame)
        else frame.close()
      },
      error: (error) => { if (generation === this.generation) this.events.error(error.message) },
    })
    decoder.configure(decoderConfig(this.config.codec, this.config.width, this.config.height))
    return decoder
  }

  private output(frame: VideoFrame): void {
    const run = this.pending.get(frame.timestamp)
    this.pending.delete(frame.timestamp)
    if (run === undefined) {
      frame.close()
      return
    }
    const us = frame.timestamp - (run % RUNS) * RUN_STRIDE_US
    this.events.picture(run, us, framePicture(frame, us, this.config))
  }
}

export function framePicture(frame: VideoFrame, us: number, { matrix, fullRange }: Pick<StreamConfig, 'matrix' | 'fullRange'>): Picture {
  let open = true
  return {
    kind: 'frame', frame, width: frame.displayWidth, height: frame.displayHeight, matrix, fullRange, arrivalUs: 0, ptsUs: us,
    close: () => {
      if (open) frame.close()
      open = false
    },
  }
}

/** Pictures that the core decoded. */
export class PicturesDecoder implements UnitDecoder {
  readonly inside = 0
  private readonly config: StreamConfig
  private readonly events: DecoderEvents

  constructor(config: StreamConfig, events: DecoderEvents) {
    this.config = config
    this.events = events
  }

  feed(run: number, message: WireMessage): void {
    const planes = readPlanes(message.payload)
    if (planes === null) return
    const { matrix, fullRange } = this.config
    const us = Math.round(message.ptsUs)
    this.events.picture(run, us, { kind: 'planes', ...planes, matrix, fullRange, arrivalUs: 0, ptsUs: us, close: () => undefined })
  }

  flush(run: number): void {
    this.events.flushed(run)
  }

  reset(): void {
    // Nothing is held.
  }

  close(): void {
    // As above.
  }
}

/** Another hold on the same picture, to be closed by itself: what is handed to the screen is closed there. */
export function lend(picture: Picture): Picture {
  if (picture.kind !== 'frame') return { ...picture, close: () => undefined }
  const { matrix, fullRange, ptsUs } = picture
  return framePicture(picture.frame.clone(), ptsUs, { matrix, fullRange })
}
