/** From what comes over the wire to samples: one channel, −1 to 1. */
import type { SoundFormat } from '@/api/generated'
import { decoderConfig } from './support'

export interface DecoderEvents {
  /** In the order fed. */
  samples(samples: Float32Array, rate: number, ptsUs: number): void
  /** It is broken and gives nothing more. */
  error(detail: string): void
}

export interface SoundDecoder {
  feed(payload: Uint8Array, ptsUs: number): void
  close(): void
}

export type CreateDecoder = (format: SoundFormat, rate: number, channels: number, events: DecoderEvents) => SoundDecoder

/** The mean of the channels: a window of a wall has no left and right. */
export function mono(channels: readonly ArrayLike<number>[], frames: number): Float32Array {
  const out = new Float32Array(frames)
  for (const channel of channels) for (let n = 0; n < frames; n++) out[n]! += channel[n]! / channels.length
  return out
}

class PcmDecoder implements SoundDecoder {
  private readonly rate: number
  private readonly channels: number
  private readonly events: DecoderEvents

  constructor(rate: number, channels: number, events: DecoderEvents) {
    this.rate = rate
    this.channels = Math.max(1, channels)
    this.events = events
  }

  feed(payload: Uint8Array, ptsUs: number): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    const frames = Math.floor(payload.byteLength / 2 / this.channels)
    const out = new Float32Array(frames)
    for (let n = 0; n < frames; n++) {
      let sum = 0
      for (let c = 0; c < this.channels; c++) sum += view.getInt16(2 * (n * this.channels + c), true)
      out[n] = sum / this.channels / 32768
    }
    this.events.samples(out, this.rate, ptsUs)
  }

  close(): void {}
}

class WebCodecsDecoder implements SoundDecoder {
  private readonly decoder: AudioDecoder
  private readonly events: DecoderEvents

  constructor(config: AudioDecoderConfig, events: DecoderEvents) {
    this.events = events
    this.decoder = new AudioDecoder({ output: (data) => this.output(data), error: (error) => events.error(error.message) })
    this.decoder.configure(config)
  }

  feed(payload: Uint8Array, ptsUs: number): void {
    try {
      this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: Math.round(ptsUs), data: payload.slice() }))
    } catch (error) {
      this.events.error(String(error))
    }
  }

  close(): void {
    if (this.decoder.state !== 'closed') this.decoder.close()
  }

  private output(data: AudioData): void {
    const planes = Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
      const plane = new Float32Array(data.numberOfFrames)
      data.copyTo(plane, { planeIndex, format: 'f32-planar' })
      return plane
    })
    const samples = mono(planes, data.numberOfFrames)
    const { sampleRate, timestamp } = data
    data.close()
    this.events.samples(samples, sampleRate, timestamp)
  }
}

/** @throws where the engine refuses the configuration at once */
export const createDecoder: CreateDecoder = (format, rate, channels, events) =>
  format === 'pcm' ? new PcmDecoder(rate, channels, events) : new WebCodecsDecoder(decoderConfig(format, rate, channels), events)
