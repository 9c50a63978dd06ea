/** A draft of encoder settings: what can be chosen, what of it is wrong, and what would be written. Pure. */
import type { EncoderChoices, EncoderField, EncoderSettings, EncoderStream, PictureSize, RateMode, Span } from '@/api/generated'

export interface Draft {
  codec: string
  /** `1280x720`; empty: not told. */
  size: string
  frameRate: number | null
  rateMode: RateMode | null
  bitRate: number | null
  keyInterval: number | null
}

/** What this program can show. Another codec may be in use, but is not offered. */
const PLAYABLE = ['H.264', 'H.265']

export const sizeText = ({ width, height }: PictureSize): string => `${width}×${height}`
const sizeKey = (size: PictureSize | null): string => (size === null ? '' : `${size.width}x${size.height}`)

export function draftOf({ settings }: EncoderStream): Draft {
  return {
    codec: settings.codec ?? '', size: sizeKey(settings.size), frameRate: settings.frameRate, rateMode: settings.rateMode,
    bitRate: settings.bitRate, keyInterval: settings.keyInterval,
  }
}

export function choicesFor(stream: EncoderStream, codec: string): EncoderChoices {
  return stream.choices.find((one) => one.codec === codec)
    ?? { codec, sizes: [], frameRates: [], bitRate: null, rateModes: [], keyInterval: null }
}

export function codecsOf(stream: EncoderStream): string[] {
  return stream.choices.map((one) => one.codec).filter((codec) => codec !== '' && (PLAYABLE.includes(codec) || codec === stream.settings.codec))
}

/** What is offered, and what is in use where it is not among that. */
export function sizesOf(stream: EncoderStream, codec: string): { value: string; text: string }[] {
  const { sizes } = choicesFor(stream, codec)
  const now = stream.settings.size
  const all = now === null || sizes.some((one) => sizeKey(one) === sizeKey(now)) || codec !== stream.settings.codec ? sizes : [now, ...sizes]
  return all.map((one) => ({ value: sizeKey(one), text: sizeText(one) }))
}

export function ratesOf(stream: EncoderStream, codec: string): number[] {
  const { frameRates } = choicesFor(stream, codec)
  const now = stream.settings.frameRate
  const all = now === null || frameRates.includes(now) || codec !== stream.settings.codec ? [...frameRates] : [...frameRates, now]
  return all.sort((a, b) => a - b)
}

const outside = (value: number | null, span: Span | null): boolean =>
  value === null || !Number.isInteger(value) || (span !== null && (value < span.min || value > span.max))

/** The change that a draft is: what differs from now. */
export function changeOf(stream: EncoderStream, draft: Draft): EncoderSettings {
  const before = draftOf(stream)
  const [width, height] = draft.size.split('x').map(Number)
  const size = draft.size !== before.size && width !== undefined && height !== undefined ? { width, height } : null
  return {
    codec: draft.codec === before.codec ? null : draft.codec,
    size,
    frameRate: draft.frameRate === before.frameRate ? null : draft.frameRate,
    rateMode: draft.rateMode === before.rateMode ? null : draft.rateMode,
    bitRate: draft.bitRate === before.bitRate ? null : draft.bitRate,
    keyInterval: draft.keyInterval === before.keyInterval ? null : draft.keyInterval,
  }
}

export const isEmpty = (change: EncoderSettings): boolean => Object.values(change).every((one) => one === null)

/** What cannot be written as it stands. */
export function wrongIn(stream: EncoderStream, draft: Draft): EncoderField[] {
  const can = choicesFor(stream, draft.codec)
  const change = changeOf(stream, draft)
  const codecChanges = change.codec !== null
  const wrong: EncoderField[] = []
  const changed = (field: EncoderField & keyof EncoderSettings): boolean => change[field] !== null || (codecChanges && stream.settings[field] !== null)
  if (changed('size') && !sizesOf(stream, draft.codec).some((one) => one.value === draft.size)) wrong.push('size')
  if (changed('frameRate') && (draft.frameRate === null || !ratesOf(stream, draft.codec).includes(draft.frameRate))) wrong.push('frameRate')
  if (draft.bitRate !== stream.settings.bitRate && outside(draft.bitRate, can.bitRate)) wrong.push('bitRate')
  if (draft.keyInterval !== stream.settings.keyInterval && outside(draft.keyInterval, can.keyInterval)) wrong.push('keyInterval')
  return wrong
}
