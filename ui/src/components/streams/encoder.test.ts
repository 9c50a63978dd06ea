import { describe, expect, it } from 'vitest'
import type { EncoderStream } from '@/api/generated'
import { changeOf, codecsOf, draftOf, isEmpty, ratesOf, sizesOf, wrongIn } from './encoder'

const stream: EncoderStream = {
  profile: 'main',
  settings: { codec: 'H.264', size: { width: 1280, height: 720 }, frameRate: 22, bitRate: 4096, rateMode: 'variable', keyInterval: 50 },
  choices: [
    {
      codec: 'H.264', sizes: [{ width: 1920, height: 1080 }, { width: 960, height: 540 }], frameRates: [5, 25], bitRate: { min: 32, max: 8192 },
      rateModes: ['constant', 'variable'], keyInterval: { min: 1, max: 150 },
    },
    { codec: 'H.265', sizes: [{ width: 1920, height: 1080 }], frameRates: [5, 25], bitRate: { min: 32, max: 4096 }, rateModes: [], keyInterval: null },
    { codec: 'JPEG', sizes: [], frameRates: [], bitRate: null, rateModes: [], keyInterval: null },
  ],
}

describe('a draft of encoder settings', () => {
  it('offers what the device offers and what is in use, and no codec that cannot be shown', () => {
    expect(codecsOf(stream)).toEqual(['H.264', 'H.265'])
    expect(sizesOf(stream, 'H.264').map((one) => one.text)).toEqual(['1280×720', '1920×1080', '960×540'])
    expect(sizesOf(stream, 'H.265').map((one) => one.value)).toEqual(['1920x1080'])
    expect(ratesOf(stream, 'H.264')).toEqual([5, 22, 25])
    expect(codecsOf({ ...stream, settings: { ...stream.settings, codec: 'JPEG' } })).toContain('JPEG')
  })

  it('is nothing until something differs', () => {
    const draft = draftOf(stream)
    expect(isEmpty(changeOf(stream, draft))).toBe(true)
    expect(wrongIn(stream, draft)).toEqual([])
    expect(changeOf(stream, { ...draft, size: '960x540', bitRate: 1024 })).toEqual({
      codec: null, size: { width: 960, height: 540 }, frameRate: null, rateMode: null, bitRate: 1024, keyInterval: null,
    })
  })

  it('knows what cannot be written', () => {
    const draft = draftOf(stream)
    expect(wrongIn(stream, { ...draft, bitRate: 9000, keyInterval: 0 })).toEqual(['bitRate', 'keyInterval'])
    expect(wrongIn(stream, { ...draft, bitRate: null })).toEqual(['bitRate'])
    // Another codec: what was in use is not offered for it.
    expect(wrongIn(stream, { ...draft, codec: 'H.265' })).toEqual(['size', 'frameRate'])
    expect(wrongIn(stream, { ...draft, codec: 'H.265', size: '1920x1080', frameRate: 25 })).toEqual([])
  })
})
