/**
 * Reader of the media wire, version 1: see docs/media-wire.md. The Rust writer and this reader are held together by
 * the golden vectors in docs/media-wire-vectors.json.
 */
import type { SoundState, StreamConfig, TileState } from '@/api/generated'

export const HEADER_BYTES = 32
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const VERSION = 1

export const KIND_CONFIG = 1
export const KIND_ACCESS_UNIT = 2
export const KIND_PICTURE = 3
export const KIND_STATE = 4
export const KIND_SOUND_STATE = 5
export const KIND_SOUND = 6

export const FLAG_RANDOM_ACCESS = 1
export const FLAG_DISCONTINUITY = 2

export type WireErrorKind = 'torn' | 'length' | 'version'

export class WireError extends Error {
  readonly kind: WireErrorKind
  /** Where in the buffer the bad message begins. */
  readonly offset: number

  constructor(kind: WireErrorKind, offset: number, detail: string) {
    super(`media wire: ${kind} at byte ${offset}: ${detail}`)
    this.name = 'WireError'
    this.kind = kind
    this.offset = offset
  }
}

/** One message. The payload is a view into the carrier's buffer, never a copy. */
export interface WireMessage {
  kind: number
  flags: number
  tile: number
  seq: number
  ptsUs: number
  arrivalUs: number
  payload: Uint8Array
}

/**
 * All messages of a buffer, which must hold whole ones only. Messages of unknown kinds are returned too, since their
 * `seq` counts for the acknowledgement; whoever acts on messages skips them (see `isKnownKind`).
 *
 * @throws WireError and nothing else
 */
export function parseMessages(buffer: ArrayBuffer): WireMessage[] {
  const view = new DataView(buffer)
  const messages: WireMessage[] = []
  let at = 0
  while (at < view.byteLength) {
    const left = view.byteLength - at
    if (left < HEADER_BYTES) throw new WireError('torn', at, `${left} bytes left, a header has ${HEADER_BYTES}`)
    const length = view.getUint32(at, true)
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) throw new WireError('length', at, `length ${length}`)
    const version = view.getUint8(at + 4)
    if (version !== VERSION) throw new WireError('version', at, `version ${version}`)
    if (length > left) throw new WireError('torn', at, `length ${length}, ${left} bytes left`)
    messages.push({
      kind: view.getUint8(at + 5),
      flags: view.getUint16(at + 6, true),
      tile: view.getUint32(at + 8, true),
      seq: view.getUint32(at + 12, true),
      ptsUs: view.getFloat64(at + 16, true),
      arrivalUs: view.getFloat64(at + 24, true),
      payload: new Uint8Array(buffer, at + HEADER_BYTES, length - HEADER_BYTES),
    })
    at += length
  }
  return messages
}

export function isKnownKind(kind: number): boolean {
  return kind >= KIND_CONFIG && kind <= KIND_SOUND
}

/** True for the kinds that cost a credit. */
export function isPictureKind(kind: number): boolean {
  return kind === KIND_ACCESS_UNIT || kind === KIND_PICTURE
}

/** True for the kinds that a sound player reads. */
export function isSoundKind(kind: number): boolean {
  return kind === KIND_SOUND_STATE || kind === KIND_SOUND
}

/** How far `b` is after `a` in the wrapping count; negative when it is before. */
export function seqDistance(a: number, b: number): number {
  return (b - a) | 0
}

const utf8 = new TextDecoder()

function readJson(payload: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(payload))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** The payload of kind 1, or null when it is not one. */
export function readConfig(payload: Uint8Array): StreamConfig | null {
  const value = readJson(payload)
  if (!value || typeof value.codec !== 'string') return null
  if (value.delivery !== 'encoded' && value.delivery !== 'pictures') return null
  if (typeof value.width !== 'number' || typeof value.height !== 'number') return null
  return {
    ...(value as unknown as StreamConfig),
    frameRate: typeof value.frameRate === 'number' && value.frameRate > 0 ? value.frameRate : null,
    reorderFrames: typeof value.reorderFrames === 'number' ? value.reorderFrames : 0,
    matrix: value.matrix === 'bt709' ? 'bt709' : 'bt601',
    fullRange: value.fullRange === true,
  }
}

/** The payload of kind 4, or null when it is not one. */
export function readState(payload: Uint8Array): TileState | null {
  const value = readJson(payload)
  return value && typeof value.phase === 'string' ? (value as unknown as TileState) : null
}

/** The payload of kind 5, or null when it is not one. */
export function readSoundState(payload: Uint8Array): SoundState | null {
  const value = readJson(payload)
  return value && typeof value.phase === 'string' ? (value as unknown as SoundState) : null
}
