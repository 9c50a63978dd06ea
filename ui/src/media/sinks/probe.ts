/**
 * Can this web view decode? Asked by decoding one picture, since `isConfigSupported` says yes on engines that then
 * fail every picture (WebKitGTK with openh264dec only; HEVC in some Chromium builds).
 */
import { decoderConfig } from './webcodecs'

export type CodecFamily = 'avcBaseline' | 'avcMain' | 'avcHigh' | 'hevc'

/** 320×240, one colour, one IDR picture, made with x264 and x265. Not smaller: some hardware has a least size. */
const PICTURES: Record<CodecFamily, { codec: string; base64: string }> = {
  avcBaseline: { codec: 'avc1.42c00d', base64: 'AAAAAWdCwA3ZAUH7ARAAAAMAEAAAAwMg8UKkgAAAAAFoy4PLIAAAAWWIhArxGKAAIwMcAAQ1I4AAhKycnJycnJycnJycnJycnJycnJydddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddde' },
  avcMain: { codec: 'avc1.4d400d', base64: 'AAAAAWdNQA3ZAUH7ARAAAAMAEAAAAwMg8UKkgAAAAAFo68PLIAAAAWWIhAr//tjn8yx+Perbr7IjoKpcOrL3cKlA0ZQztPJepmAAEkzTVfwjSJ0aVgCZgAARsOyw0EhpTiMjzdDh' },
  avcHigh: { codec: 'avc1.64000d', base64: 'AAAAAWdkAA2ssgKD9gIgAAADACAAAAZB4oVJAAAAAWjrw8siwAAAAWWIhAr//tjn8yx+Perbr7IjoKpcOrL3cKlA0ZQztPJepmAAEkzTVfwjSJ0aVgCZgAARsOyw0EhpTiMjzdDh' },
  hevc: { codec: 'hvc1.1.6.L60.90', base64: 'AAAAAUABDAH//wFgAAADAJAAAAMAAAMAPJWYCQAAAAFCAQEBYAAAAwCQAAADAAADADygCggPFllZpJMrwFoCAAADAAIAAAMAMhAAAAABRAHBcrRiQAAAASgBrx0haINA98+A/+6+6MQx78lrr6zWG148ECLeqBeWA0xOGp7QkwuTQAAF7IcAAAMAAAMAVkA=' },
}
const WIDTH = 320
const HEIGHT = 240
/** Generous: sixteen decoders and the probe may all be starting at once. */
const TIMEOUT_MS = 4000

/** Which probe speaks for a codec; null for one that has none. */
export function familyOf(codec: string): CodecFamily | null {
  if (/^(hvc1|hev1)\./i.test(codec)) return 'hevc'
  const profile = /^avc[13]\.([0-9a-f]{2})/i.exec(codec)?.[1]?.toLowerCase()
  if (profile === undefined) return null
  if (profile === '42') return 'avcBaseline'
  if (profile === '4d') return 'avcMain'
  return 'avcHigh'
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
}

function decodeOne(family: CodecFamily): Promise<boolean> {
  if (typeof VideoDecoder === 'undefined' || typeof EncodedVideoChunk === 'undefined') return Promise.resolve(false)
  const { codec, base64 } = PICTURES[family]
  return new Promise((resolve) => {
    let decoder: VideoDecoder | null = null
    let done = false
    const finish = (ok: boolean): void => {
      if (done) return
      done = true
      window.clearTimeout(timer)
      resolve(ok)
      if (decoder !== null && decoder.state !== 'closed') decoder.close()
    }
    const timer = window.setTimeout(() => finish(false), TIMEOUT_MS)
    try {
      decoder = new VideoDecoder({
        output: (frame) => {
          const ok = frame.displayWidth === WIDTH && frame.displayHeight === HEIGHT
          frame.close()
          finish(ok)
        },
        error: () => finish(false),
      })
      decoder.configure(decoderConfig(codec, WIDTH, HEIGHT))
      decoder.decode(new EncodedVideoChunk({ type: 'key', timestamp: 0, data: bytesOf(base64) }))
      // A decoder may hold a lone picture back; flushing asks for it.
      decoder.flush().then(() => finish(false), () => finish(false))
    } catch {
      finish(false)
    }
  })
}

/** One probe per family and page. */
export class DecodeProbe {
  private readonly answers = new Map<CodecFamily, Promise<boolean>>()
  private readonly decode: (family: CodecFamily) => Promise<boolean>

  constructor(decode: (family: CodecFamily) => Promise<boolean> = decodeOne) {
    this.decode = decode
  }

  /** Whether `codec` decodes here. A codec without a probe picture is left to its decoder. */
  check(codec: string): Promise<boolean> {
    const family = familyOf(codec)
    if (family === null) return Promise.resolve(typeof VideoDecoder !== 'undefined')
    let answer = this.answers.get(family)
    if (answer === undefined) {
      answer = this.decode(family)
      this.answers.set(family, answer)
    }
    return answer
  }
}
