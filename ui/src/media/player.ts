/**
 * What one opening of a stream is doing, as a pure transition function: `step(state, event, now)` gives the next state
 * and what is to be done. `Player` in tile-player.ts does it.
 */
import type { Code, Delivery, StreamConfig, TileState } from '@/api/generated'

export type PlayerPhase =
  | 'idle' | 'paused' | 'connecting' | 'waitingForKey' | 'decoding' | 'playing' | 'stale' | 'backoff' | 'failed'

export interface PlayerState {
  open: boolean
  paused: boolean
  /** What was asked for. */
  delivery: Delivery
  config: StreamConfig | null
  session: TileState | null
  /** `now` at which the core tries again. */
  retryAt: number | null
  /** What this side cannot go on with. */
  fault: { code: Code; detail: string } | null
  hasSink: boolean
  /** Nothing can be decoded before the next random access point. */
  needKey: boolean
  /** Since when pictures of this run of the decoder are fed. */
  syncedAt: number
  /** This run has reached the present; before that it may be working through the group of pictures it was started with. */
  live: boolean
  /** Fed since the last picture came out. */
  fedSinceOutput: number
  overdueSince: number | null
  /** Decoders made anew because nothing came out. */
  recreations: number
  errors: number
  /** Since when pictures come out without an error between. */
  healthySince: number | null
  lastOutputAt: number | null
  lastArrivalAt: number | null
  intervalMs: number | null
  dropped: number
}

export type PlayerEvent =
  | { type: 'open'; delivery: Delivery }
  | { type: 'close'; paused: boolean }
  | { type: 'openFailed'; code: Code; detail: string }
  | { type: 'config'; config: StreamConfig }
  | { type: 'state'; state: TileState }
  | { type: 'accessUnit'; randomAccess: boolean; discontinuity: boolean; ageMs: number; queue: number; waitMs: number }
  | { type: 'picture' }
  | { type: 'output' }
  | { type: 'decoderError'; detail: string }
  | { type: 'cannotDecode'; codec: string }
  | { type: 'gap' }
  | { type: 'tick' }

/** `feed` and `discard` speak of the message in hand: every accessUnit and picture event yields exactly one of them. */
export type Effect = 'createSink' | 'resetSink' | 'closeSink' | 'feed' | 'discard' | 'fallBack' | 'unsupported'

export interface Step {
  state: PlayerState
  effects: Effect[]
}

export const MAX_QUEUE = 12
/** A full queue right after a hiccup of the page empties by itself; only one that stays is too much. */
export const MAX_QUEUE_WAIT_MS = 500
export const MAX_AGE_MS = 1500
export const LIVE_AGE_MS = 500
const CATCH_UP_MS = 3000
const OUTPUT_TIMEOUT_MS = 1500
/** Some decoders hold back more than the stream says; a slow stream then needs longer to show that it works. */
const OUTPUT_TIMEOUT_SLOW_MS = 4000
const HOLD_BACK_ALLOWANCE = 4
const MAX_ERRORS = 3
const HEALTHY_MS = 10_000
const STALE_MS = 3000
const STALE_INTERVALS = 8

export function initialState(): PlayerState {
  return {
    open: false, paused: false, delivery: 'encoded', config: null, session: null, retryAt: null, fault: null,
    hasSink: false, needKey: true, syncedAt: 0, live: false, fedSinceOutput: 0, overdueSince: null, recreations: 0,
    errors: 0, healthySince: null, lastOutputAt: null, lastArrivalAt: null, intervalMs: null, dropped: 0,
  }
}

/** No picture for this long, and what is on screen is no longer live. */
export function staleAfterMs(state: PlayerState): number {
  const rate = state.config?.frameRate ?? null
  const interval = rate !== null ? 1000 / rate : state.intervalMs ?? 0
  return Math.max(STALE_MS, STALE_INTERVALS * interval)
}

export function phaseOf(state: PlayerState, now: number): PlayerPhase {
  if (!state.open) return state.paused ? 'paused' : 'idle'
  const core = state.session?.phase
  if (state.fault !== null || core === 'failed') return 'failed'
  if (core === 'backoff') return 'backoff'
  if (state.lastOutputAt !== null) return now - state.lastOutputAt <= staleAfterMs(state) ? 'playing' : 'stale'
  if (state.fedSinceOutput > 0) return 'decoding'
  return state.config !== null && core !== 'connecting' ? 'waitingForKey' : 'connecting'
}

export function step(before: PlayerState, event: PlayerEvent, now: number): Step {
  const s = { ...before }
  switch (event.type) {
    case 'open':
      return {
        state: { ...initialState(), open: true, delivery: event.delivery, dropped: s.dropped },
        effects: s.hasSink ? ['closeSink'] : [],
      }
    case 'close':
      return {
        state: { ...initialState(), paused: event.paused, delivery: s.delivery, dropped: s.dropped },
        effects: s.hasSink ? ['closeSink'] : [],
      }
    case 'openFailed':
      if (s.open) s.fault = { code: event.code, detail: event.detail }
      return { state: s, effects: [] }
    case 'state':
      s.session = event.state
      s.retryAt = event.state.retryInMs === null ? null : now + event.state.retryInMs
      return { state: s, effects: [] }
    case 'config':
      return onConfig(s, event.config)
    case 'accessUnit':
      return onAccessUnit(s, event, now)
    case 'picture':
      if (!s.open || s.fault !== null || !s.hasSink || s.config?.delivery !== 'pictures') return { state: s, effects: ['discard'] }
      return { state: s, effects: ['feed'] }
    case 'output':
      if (!s.open) return { state: s, effects: [] }
      s.lastOutputAt = now
      s.fedSinceOutput = 0
      s.overdueSince = null
      s.healthySince ??= now
      if (now - s.healthySince > HEALTHY_MS) s.errors = s.recreations = 0
      return { state: s, effects: [] }
    case 'decoderError':
      if (!s.hasSink) return { state: s, effects: [] }
      s.errors++
      s.healthySince = null
      return s.errors >= MAX_ERRORS ? giveUpDecoder(s, event.detail) : recreate(s)
    case 'cannotDecode':
      if (!s.hasSink || s.config?.delivery !== 'encoded' || s.config.codec !== event.codec) return { state: s, effects: [] }
      // A decoder that works contradicts the probe, and knows better.
      return s.lastOutputAt !== null ? { state: s, effects: [] } : giveUpDecoder(s, `${event.codec} does not decode here`)
    case 'gap':
      return dropToKey(s)
    case 'tick':
      return onTick(s, now)
  }
}

function onConfig(s: PlayerState, config: StreamConfig): Step {
  const old = s.config
  s.config = config
  if (!s.open || s.fault !== null) return { state: s, effects: [] }
  const same = old !== null && old.codec === config.codec && old.delivery === config.delivery
    && old.width === config.width && old.height === config.height && old.reorderFrames === config.reorderFrames
    && old.matrix === config.matrix && old.fullRange === config.fullRange
  if (same && s.hasSink) return { state: s, effects: [] }
  const effects: Effect[] = s.hasSink ? ['closeSink', 'createSink'] : ['createSink']
  return { state: { ...freshDecoder(s), hasSink: true }, effects }
}

function freshDecoder(s: PlayerState): PlayerState {
  return { ...s, needKey: true, live: false, fedSinceOutput: 0, overdueSince: null }
}

function dropToKey(s: PlayerState): Step {
  if (s.config?.delivery === 'pictures') return { state: s, effects: [] }
  return { state: freshDecoder(s), effects: s.hasSink ? ['resetSink'] : [] }
}

function recreate(s: PlayerState): Step {
  return { state: { ...freshDecoder(s), hasSink: true }, effects: ['closeSink', 'createSink'] }
}

/** This web view does not decode the stream: the core decodes it, if it can. */
function giveUpDecoder(s: PlayerState, detail: string): Step {
  const state = { ...freshDecoder(s), hasSink: false }
  const isAvc = s.config !== null && /^avc/i.test(s.config.codec)
  if (isAvc && s.delivery === 'encoded') {
    return { state: { ...state, delivery: 'pictures', config: null, errors: 0, recreations: 0 }, effects: ['closeSink', 'fallBack'] }
  }
  state.fault = { code: isAvc ? 'decoderFailed' : 'unsupportedCodec', detail }
  return { state, effects: isAvc ? ['closeSink'] : ['closeSink', 'unsupported'] }
}

function onAccessUnit(s: PlayerState, e: Extract<PlayerEvent, { type: 'accessUnit' }>, now: number): Step {
  const effects: Effect[] = []
  if (!s.open || s.fault !== null || !s.hasSink || s.config?.delivery !== 'encoded') return { state: s, effects: ['discard'] }
  if (s.lastArrivalAt !== null) {
    const interval = now - s.lastArrivalAt
    s.intervalMs = s.intervalMs === null ? interval : s.intervalMs + (interval - s.intervalMs) / 8
  }
  s.lastArrivalAt = now
  if (e.discontinuity && !s.needKey) {
    Object.assign(s, freshDecoder(s))
    effects.push('resetSink')
  }
  const clogged = e.queue > MAX_QUEUE && e.waitMs > MAX_QUEUE_WAIT_MS
  if (e.randomAccess) {
    if (clogged && !s.needKey) {
      Object.assign(s, freshDecoder(s))
      effects.push('resetSink')
    }
    if (s.needKey) s.syncedAt = now
    s.needKey = false
  } else if (s.needKey) {
    if (s.lastOutputAt !== null) s.dropped++
    return { state: s, effects: [...effects, 'discard'] }
  } else {
    const late = e.ageMs > MAX_AGE_MS && (s.live || now - s.syncedAt > CATCH_UP_MS)
    if (clogged || late) {
      // Emptied too: what is inside is older still, and would only hold up the random access point.
      s.dropped++
      return { state: freshDecoder(s), effects: [...effects, 'resetSink', 'discard'] }
    }
  }
  if (e.ageMs < LIVE_AGE_MS) s.live = true
  s.fedSinceOutput++
  if (s.fedSinceOutput > s.config.reorderFrames) s.overdueSince ??= now
  return { state: s, effects: [...effects, 'feed'] }
}

function onTick(s: PlayerState, now: number): Step {
  if (!s.open || !s.hasSink || s.overdueSince === null || s.config === null) return { state: s, effects: [] }
  const enough = s.fedSinceOutput > s.config.reorderFrames + HOLD_BACK_ALLOWANCE
  if (now - s.overdueSince < (enough ? OUTPUT_TIMEOUT_MS : OUTPUT_TIMEOUT_SLOW_MS)) return { state: s, effects: [] }
  if (s.recreations > 0) return giveUpDecoder(s, 'the decoder takes pictures and gives none')
  s.recreations++
  s.healthySince = null
  return recreate(s)
}
