/**
 * Which codings of sound this web view decodes. Asked by decoding: an engine without the codec's plugin says yes to
 * `isConfigSupported` and then fails.
 */
import type { SoundFormat } from '@/api/generated'

/** Three frames of a tone, AAC-LC, 16 kHz, mono, ADTS framed. */
const AAC = '//FgQBjf/ADYNQDMexoYD2MggNwgORCl36//tf///siP5+P+v/9n9oDs7Ozs7Ozs7Ozs7Ozs7CVPciYYlon4IgXHTsHKmdJ4UO+iwIz6BJjiIR/cswwZ7oSEhISEhISEhN0JK3bt27duokKJCiF2tKFH8OvGNMNbzdbzdbzdbzdbzdbzdbzdJCtERWiQbREVkkGwRDYJBsEQVyQK5EFbO1YiCvlatk2rk6rk2o888888888AF/b0gAAAAAAb/z32raAAAABw//FgQBjf/ADYNQDMexoYD2MggNwgORCl36//tf///siP5+P+v/9n9oDs7Ozs7Ozs7Ozs7Ozs7CVPciYYlon4IgXHTsHKmdJ4UO+iwIz6BJjiIR/cswwZ7oSEhISEhISEhN0JK3bt27duokKJCiF2tKFH8OvGNMNbzdbzdbzdbzdbzdbzdbzdJCtERWiQbREVkkGwRDYJBsEQVyQK5EFbO1YiCvlatk2rk6rk2o888888888AF/b0gAAAAAAb/z32raAAAABw//FgQBjf/ADYNQDMexoYD2MggNwgORCl36//tf///siP5+P+v/9n9oDs7Ozs7Ozs7Ozs7Ozs7CVPciYYlon4IgXHTsHKmdJ4UO+iwIz6BJjiIR/cswwZ7oSEhISEhISEhN0JK3bt27duokKJCiF2tKFH8OvGNMNbzdbzdbzdbzdbzdbzdbzdJCtERWiQbREVkkGwRDYJBsEQVyQK5EFbO1YiCvlatk2rk6rk2o888888888AF/b0gAAAAAAb/z32raAAAABw'
const TIMEOUT_MS = 3000

export function decoderConfig(format: 'aac' | 'opus', sampleRate: number, numberOfChannels: number): AudioDecoderConfig {
  return { codec: format === 'aac' ? 'mp4a.40.2' : 'opus', sampleRate, numberOfChannels }
}

/** Where each ADTS frame begins and ends (ISO/IEC 13818-7 §6.2). */
export function adtsFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  let at = 0
  while (at + 7 <= bytes.length) {
    const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
    if (length < 7 || at + length > bytes.length) break
    frames.push(bytes.subarray(at, at + length))
    at += length
  }
  return frames
}

function decodesAac(): Promise<boolean> {
  return new Promise((resolve) => {
    let decoder: AudioDecoder | null = null
    const finish = (ok: boolean): void => {
      window.clearTimeout(timer)
      resolve(ok)
      if (decoder !== null && decoder.state !== 'closed') decoder.close()
    }
    const timer = window.setTimeout(() => finish(false), TIMEOUT_MS)
    try {
      decoder = new AudioDecoder({
        output: (data) => {
          const ok = data.numberOfFrames > 0
          data.close()
          finish(ok)
        },
        error: () => finish(false),
      })
      decoder.configure(decoderConfig('aac', 16_000, 1))
      const bytes = Uint8Array.from(atob(AAC), (c) => c.charCodeAt(0))
      adtsFrames(bytes).forEach((data, n) => decoder?.decode(new EncodedAudioChunk({ type: 'key', timestamp: n * 64_000, data: data.slice() })))
      decoder.flush().then(() => finish(false), () => finish(false))
    } catch {
      finish(false)
    }
  })
}

async function decodesOpus(): Promise<boolean> {
  try {
    return (await AudioDecoder.isConfigSupported(decoderConfig('opus', 48_000, 1))).supported === true
  } catch {
    return false
  }
}

let answer: Promise<SoundFormat[]> | null = null

/** What is decoded here beside PCM; found out once. */
export function soundFormats(): Promise<SoundFormat[]> {
  if (typeof AudioDecoder === 'undefined' || typeof EncodedAudioChunk === 'undefined') return Promise.resolve([])
  answer ??= Promise.all([decodesAac(), decodesOpus()]).then(([aac, opus]) => [
    ...(aac ? ['aac' as const] : []), ...(opus ? ['opus' as const] : []),
  ])
  return answer
}
