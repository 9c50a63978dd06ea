/** The first picture of a recording, decoded by the page. */
import type { Clock } from '../clock'
import type { Picture } from '../sinks/sink'
import { type DecoderEvents, type UnitDecoder, WebCodecsDecoder } from './decoder'
import type { StreamConfig } from '@/api/generated'
import type { OpenSpan, SpanSource } from './session'

/** A disk that sleeps and a decoder that starts are quicker. */
const PATIENCE_MS = 10_000

type CreateDecoder = (config: StreamConfig, events: DecoderEvents) => UnitDecoder

/**
 * What `take` makes of the first picture; null where none comes out. The picture is closed when `take` returns.
 * Rejects with what the core says when the recording cannot be read.
 */
export function firstPicture<T>(
  source: SpanSource,
  clock: Clock,
  take: (picture: Picture) => Promise<T>,
  createDecoder: CreateDecoder = (config, events) => new WebCodecsDecoder(config, events),
): Promise<T | null> {
  return new Promise((resolve, reject) => {
    let decoder: UnitDecoder | null = null
    let span: OpenSpan | null = null
    let fed = false
    let over = false
    const finish = (run: () => void): void => {
      if (over) return
      over = true
      clock.clear(timer)
      run()
      // Not from within the decoder's own call.
      queueMicrotask(() => {
        span?.close()
        decoder?.close()
      })
    }
    const nothing = (): void => finish(() => resolve(null))
    const timer = clock.set(nothing, PATIENCE_MS)
    const events: DecoderEvents = {
      picture: (_, __, picture) => {
        finish(() => resolve(take(picture)))
        picture.close()
      },
      flushed: nothing,
      error: nothing,
    }
    span = source.read({ fromUs: 0, toUs: null, keysOnly: true, delivery: 'encoded' }, {
      start: () => undefined,
      config: (config) => { decoder ??= createDecoder(config, events) },
      unit: (message) => {
        if (fed || over || decoder === null) return
        fed = true
        decoder.feed(0, message)
        decoder.flush(0)
      },
      end: () => { if (!fed) nothing() },
      failed: (error, lost) => { if (lost || fed) nothing(); else finish(() => reject(error as Error)) },
    })
  })
}
