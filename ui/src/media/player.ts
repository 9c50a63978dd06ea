/**
 * What one opening of a stream is doing, as a pure transition function: `step(state, event, now)` gives the next state
 * and what is to be done. `Player` in tile-player.ts does it.
 */
import type { Code, Delivery, Pace, StreamConfig, TileState } from '@/api/generated'

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
  /** Which of its pictures are wanted. */
  pace: Pace
  /** Of the picture that came out last; the pace it was wanted at is the one it may be as old as. */
  outputPace: Pace
  /** Came out of this run of the decoder. */
  outputs: number
  /** Most pictures that this run has held back at once. */
  heldBack: number
  /** Usual time between two pictures of this run. */
  gapMs: number | null
  /** When this run was given its first picture, and how long after that its first came out. */
  firstFedAt: number | null
  startMs: number | null
  /** Since when no new decoder may be made; then one is. */
  restUntil: number | null
  /** When decoders were made anew lately, over all openings. */
  rebuilds: readonly number[]
  /** Over all openings: pictures that came, given to the decoder, come out of it, and how often it was skipped ahead because it was behind. */
  received: number
  fed: number
  shown: number
  overruns: number
}

/** How a decoder was lost; `refused`: it never gave anything, and there may be too many. */
export type DecoderLoss = 'reclaimed' | 'refused' | 'failed'

export type PlayerEvent =
  | { type: 'open'; delivery: Delivery }
  | { type: 'close'; paused: boolean }
  | { type: 'openFailed'; code: Code; detail: string }
  | { type: 'config'; config: StreamConfig }
  | { type: 'state'; state: TileState }
  | { type: 'accessUnit'; randomAccess: boolean; discontinuity: boolean; ageMs: number; queue: number; waitMs: number }
  | { type: 'picture' }
  | { type: 'output' }
  | { type: 'decoderError'; detail: string; loss?: DecoderLoss; explicit?: boolean }
  | { type: 'cannotDecode'; codec: string }
  | { type: 'gap' }
  | { type: 'pace'; pace: Pace }
  /**
   * `startMs`: how long decoders take here to give their first picture, as far as that is known. `busy`: other decoders
   * are behind as well, so that this one may only be waiting for its turn.
   */
  | { type: 'tick'; startMs?: number; busy?: boolean }

/**
 * `feed` and `discard` speak of the message in hand: every accessUnit and picture event yields exactly one of them.
 * `askKey`: the group of pictures is wanted again, from its beginning. `silent`: the decoder took pictures and gave none.
 */
export type Effect = 'createSink' | 'resetSink' | 'closeSink' | 'feed' | 'discard' | 'fallBack' | 'unsupported' | 'askKey' | 'silent'

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
/** Of a decoder that has not given anything yet: sixteen may be starting at once. Less where they are known to start faster. */
const START_TIMEOUT_MS = 1500
/** Of one that worked: with the tick of the wall it is noticed within a second. */
const OUTPUT_TIMEOUT_MS = 700
/** One that is slow by nature, or because the device is busy, is not dead. */
const OUTPUT_TIMEOUT_MAX_MS = 3000
const OUTPUT_GAPS = 6
const BUSY_FACTOR = 4
const QUIET_MS = 300
const QUIET_GAPS = 3
/** A lone picture is flushed out, so there is nothing to wait for but the decoding. */
const LONE_TIMEOUT_MS = 1000
/** So many outputs tell how many pictures a decoder holds back. */
const LEARNED_OUTPUTS = 10
/** Some decoders hold back more than the stream says; a slow stream then needs longer to show that it works. */
const OUTPUT_TIMEOUT_SLOW_MS = 4000
const HOLD_BACK_ALLOWANCE = 4
const MAX_ERRORS = 3
/** An engine that says that there are too many decoders will say it again. */
const MAX_REFUSALS = 2
const REFUSED_REST_MS = 500
/** More decoders made anew than this within a minute, and the core decodes instead, or nobody for a while. */
export const MAX_REBUILDS = 4
const REBUILDS_MS = 60_000
const REST_MS = 10_000
const HEALTHY_MS = 10_000
const STALE_MS = 3000
const AT_ONCE_MS = 500
const SILENT = 'the decoder takes pictures and gives none'
const STALE_INTERVALS = 8
/** Key frames come every one to ten seconds, stills every ten and the wait for a key frame. */
const STALE_PACED_MS: Record<Pace, number> = { full: 0, keys: 15_000, stills: 30_000 }

export function initialState(): PlayerState {
  return {
    open: false, paused: false, delivery: 'encoded', config: null, session: null, retryAt: null, fault: null,
    hasSink: false, needKey: true, syncedAt: 0, live: false, fedSinceOutput: 0, overdueSince: null, recreations: 0,
    errors: 0, healthySince: null, lastOutputAt: null, lastArrivalAt: null, intervalMs: null, dropped: 0,
    pace: 'full', outputPace: 'full', outputs: 0, heldBack: 0, gapMs: null, firstFedAt: null, startMs: null, restUntil: null,
    rebuilds: [], received: 0, fed: 0, shown: 0, overruns: 0,
  }
}

/** What outlives an opening. */
function lasting({ dropped, pace, rebuilds, received, fed, shown, overruns }: PlayerState): Partial<PlayerState> {
  return { dropped, pace, outputPace: pace, rebuilds, received, fed, shown, overruns }
}

/** No picture for this long, and what is on screen is no longer live. */
export function staleAfterMs(state: PlayerState): number {
  const rate = state.config?.frameRate ?? null
  const interval = rate !== null ? 1000 / rate : state.intervalMs ?? 0
  return Math.max(STALE_MS, STALE_INTERVALS * interval, STALE_PACED_MS[state.outputPace], STALE_PACED_MS[state.pace])
}

/** It broke while it played, and the try that mends most breaks is about to be made: nothing to alarm anybody with. */
const isAtOnce = (session: TileState | null): boolean => session?.attempt === 0 && (session.retryInMs ?? 0) <= AT_ONCE_MS

export function phaseOf(state: PlayerState, now: number): PlayerPhase {
  if (!state.open) return state.paused ? 'paused' : 'idle'
  const core = state.session?.phase
  if (state.fault !== null || core === 'failed') return 'failed'
  const fresh = state.lastOutputAt !== null && now - state.lastOutputAt <= staleAfterMs(state)
  if (core === 'backoff') return fresh && isAtOnce(state.session) ? 'playing' : 'backoff'
  // Told as broken, it is so until there is a picture, however fresh the last one still is.
  if (core === 'connecting' && (state.session?.attempt ?? 0) > 1 && state.lastOutputAt !== null) return 'stale'
  if (state.lastOutputAt !== null) return fresh ? 'playing' : 'stale'
  if (state.fedSinceOutput > 0) return 'decoding'
  return state.config !== null && core !== 'connecting' ? 'waitingForKey' : 'connecting'
}

export function step(before: PlayerState, event: PlayerEvent, now: number): Step {
  const s = { ...before }
  switch (event.type) {
    case 'open':
      return {
        state: { ...initialState(), ...lasting(s), open: true, delivery: event.delivery },
        effects: s.hasSink ? ['closeSink'] : [],
      }
    case 'close':
      return {
        state: { ...initialState(), ...lasting(s), paused: event.paused, delivery: s.delivery },
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
      s.received++
      return onAccessUnit(s, event, now)
    case 'picture':
      s.received++
      if (!s.open || s.fault !== null || !s.hasSink || s.config?.delivery !== 'pictures') return { state: s, effects: ['discard'] }
      return { state: s, effects: ['feed'] }
    case 'output':
      if (!s.open) return { state: s, effects: [] }
      noteOutput(s, now)
      s.lastOutputAt = now
      s.fedSinceOutput = 0
      s.overdueSince = null
      s.healthySince ??= now
      if (now - s.healthySince > HEALTHY_MS) s.errors = s.recreations = 0
      return { state: s, effects: [] }
    case 'decoderError':
      if (!s.hasSink) return { state: s, effects: [] }
      return onDecoderError(s, event, now)
    case 'cannotDecode':
      if (!s.hasSink || s.config?.delivery !== 'encoded' || s.config.codec !== event.codec) return { state: s, effects: [] }
      // A decoder that works contradicts the probe, and knows better.
      return s.lastOutputAt !== null ? { state: s, effects: [] } : giveUpDecoder(s, `${event.codec} does not decode here`, now)
    case 'gap':
      return dropToKey(s)
    case 'pace':
      // How long pictures take now says nothing about how long they will take.
      return { state: s.pace === event.pace ? s : { ...s, ...NEW_RUN, pace: event.pace, fedSinceOutput: 0, overdueSince: null }, effects: [] }
    case 'tick':
      return onTick(s, now, event.startMs, event.busy === true)
  }
}

function onConfig(s: PlayerState, config: StreamConfig): Step {
  const old = s.config
  s.config = config
  if (!s.open || s.fault !== null) return { state: s, effects: [] }
  const same = old !== null && old.codec === config.codec && old.delivery === config.delivery
    && old.width === config.width && old.height === config.height && old.reorderFrames === config.reorderFrames
    && old.matrix === config.matrix && old.fullRange === config.fullRange
  if (same && (s.hasSink || s.restUntil !== null)) return { state: s, effects: [] }
  s.restUntil = null
  const effects: Effect[] = s.hasSink ? ['closeSink', 'createSink'] : ['createSink']
  return { state: { ...freshDecoder(s), hasSink: true }, effects }
}

const NEW_RUN = { outputs: 0, heldBack: 0, gapMs: null, firstFedAt: null } as const

function freshDecoder(s: PlayerState): PlayerState {
  return { ...s, ...NEW_RUN, needKey: true, live: false, fedSinceOutput: 0, overdueSince: null }
}

/** Learns how this decoder gives pictures, so that its silence is told from its way. */
function noteOutput(s: PlayerState, now: number): void {
  s.shown++
  s.outputPace = s.pace
  if (s.outputs === 0 && s.firstFedAt !== null) s.startMs = now - s.firstFedAt
  else if (s.lastOutputAt !== null) {
    const gap = Math.min(1000, now - s.lastOutputAt)
    s.gapMs = s.gapMs === null ? gap : s.gapMs + (gap - s.gapMs) / 8
  }
  s.outputs++
  s.heldBack = Math.max(s.heldBack, s.fedSinceOutput - 1)
}

function onDecoderError(s: PlayerState, { detail, loss = 'failed', explicit = false }: Extract<PlayerEvent, { type: 'decoderError' }>, now: number): Step {
  s.healthySince = null
  // Taken away, it is not the stream's fault; the limit of decoders made anew is enough.
  if (loss !== 'reclaimed') s.errors++
  if (loss === 'refused' && explicit) {
    if (s.errors >= MAX_REFUSALS) return giveUpDecoder(s, detail, now, true)
    return { state: { ...freshDecoder(s), hasSink: false, restUntil: now + REFUSED_REST_MS }, effects: ['closeSink'] }
  }
  return s.errors >= MAX_ERRORS ? giveUpDecoder(s, detail, now) : recreate(s, now, detail)
}

function dropToKey(s: PlayerState): Step {
  if (s.config?.delivery === 'pictures') return { state: s, effects: [] }
  return { state: freshDecoder(s), effects: s.hasSink ? ['resetSink'] : [] }
}

function recreate(s: PlayerState, now: number, detail: string): Step {
  const recent = s.rebuilds.filter((at) => now - at < REBUILDS_MS)
  if (recent.length >= MAX_REBUILDS) return giveUpDecoder(s, detail, now)
  return { state: { ...freshDecoder(s), hasSink: true, rebuilds: [...recent, now] }, effects: ['closeSink', 'createSink', 'askKey'] }
}

/** This web view does not decode the stream: the core decodes it, if it can. */
function giveUpDecoder(s: PlayerState, detail: string, now: number, full = false): Step {
  const state = { ...freshDecoder(s), hasSink: false }
  const isAvc = s.config !== null && /^avc/i.test(s.config.codec)
  if (isAvc && s.delivery === 'encoded') {
    return { state: { ...state, delivery: 'pictures', config: null, errors: 0, recreations: 0 }, effects: ['closeSink', 'fallBack'] }
  }
  // It can be decoded here, only not now, and nobody else can.
  if (!isAvc && (full || s.lastOutputAt !== null)) {
    return { state: { ...state, errors: 0, recreations: 0, restUntil: now + REST_MS }, effects: ['closeSink'] }
  }
  state.fault = { code: isAvc ? 'decoderFailed' : 'unsupportedCodec', detail }
  return { state, effects: isAvc ? ['closeSink'] : ['closeSink', 'unsupported'] }
}

/** Nothing comes out, so it may be dead rather than behind: that is for the watchdog to find out, who asks for a new start. */
function isQuiet(s: PlayerState, now: number): boolean {
  return s.outputs === 0 || now - (s.lastOutputAt ?? 0) > Math.max(QUIET_MS, QUIET_GAPS * (s.gapMs ?? 0))
}

function onAccessUnit(s: PlayerState, e: Extract<PlayerEvent, { type: 'accessUnit' }>, now: number): Step {
  const effects: Effect[] = []
  if (!s.open || s.fault !== null || !s.hasSink || s.config?.delivery !== 'encoded') return { state: s, effects: ['discard'] }
  if (s.lastArrivalAt !== null) {
    const interval = now - s.lastArrivalAt
    s.intervalMs = s.intervalMs === null ? interval : s.intervalMs + (interval - s.intervalMs) / 8
  }
  s.lastArrivalAt = now
  if (s.pace !== 'full' && !e.randomAccess) {
    // On their way when the pace was changed.
    s.needKey = true
    return { state: s, effects: ['discard'] }
  }
  if (e.discontinuity && !s.needKey) {
    Object.assign(s, freshDecoder(s))
    effects.push('resetSink')
  }
  const clogged = e.queue > MAX_QUEUE && e.waitMs > MAX_QUEUE_WAIT_MS && !isQuiet(s, now)
  if (e.randomAccess) {
    if (clogged && !s.needKey) {
      s.overruns++
      Object.assign(s, freshDecoder(s))
      effects.push('resetSink')
    }
    if (s.needKey) s.syncedAt = now
    s.needKey = false
  } else if (s.needKey) {
    // What is not wanted yet, or not any more, is not lost.
    if (s.lastOutputAt !== null && s.outputPace === 'full') s.dropped++
    return { state: s, effects: [...effects, 'discard'] }
  } else {
    const late = e.ageMs > MAX_AGE_MS && (s.live || now - s.syncedAt > CATCH_UP_MS)
    if (clogged || late) {
      // Emptied too: what is inside is older still, and would only hold up the random access point.
      s.dropped++
      s.overruns++
      return { state: freshDecoder(s), effects: [...effects, 'resetSink', 'discard'] }
    }
  }
  if (e.ageMs < LIVE_AGE_MS) s.live = true
  s.fed++
  s.fedSinceOutput++
  s.firstFedAt ??= now
  if (s.fedSinceOutput > reorderOf(s)) s.overdueSince ??= now
  return { state: s, effects: [...effects, 'feed'] }
}

/** How many pictures may be inside without any being late. */
function reorderOf(s: PlayerState): number {
  return s.pace === 'full' ? s.config?.reorderFrames ?? 0 : 0
}

function outputTimeoutMs(s: PlayerState, startMs: number | undefined): number {
  if (s.pace !== 'full') return s.outputs === 0 ? START_TIMEOUT_MS : LONE_TIMEOUT_MS
  const learned = s.outputs >= LEARNED_OUTPUTS
  const held = learned ? Math.max(reorderOf(s), s.heldBack) : reorderOf(s) + HOLD_BACK_ALLOWANCE
  if (s.fedSinceOutput <= held) return OUTPUT_TIMEOUT_SLOW_MS
  if (s.outputs === 0) return startMs === undefined ? START_TIMEOUT_MS : Math.min(START_TIMEOUT_MS, Math.max(OUTPUT_TIMEOUT_MS, 3 * startMs))
  return Math.min(OUTPUT_TIMEOUT_MAX_MS, Math.max(OUTPUT_TIMEOUT_MS, OUTPUT_GAPS * (s.gapMs ?? 0)))
}

function onTick(s: PlayerState, now: number, startMs: number | undefined, busy: boolean): Step {
  if (s.restUntil !== null && now >= s.restUntil) {
    s.restUntil = null
    if (s.open && s.fault === null && s.config !== null && !s.hasSink) return { state: { ...freshDecoder(s), hasSink: true }, effects: ['createSink', 'askKey'] }
  }
  if (!s.open || !s.hasSink || s.overdueSince === null || s.config === null) return { state: s, effects: [] }
  if (now - s.overdueSince < outputTimeoutMs(s, startMs) * (busy ? BUSY_FACTOR : 1)) return { state: s, effects: [] }
  const again = s.recreations > 0
  // One that never gave anything may be one too many.
  const effects: Effect[] = s.outputs === 0 ? ['silent'] : []
  s.recreations++
  s.healthySince = null
  const done = again ? giveUpDecoder(s, SILENT, now) : recreate(s, now, SILENT)
  return { state: done.state, effects: [...effects, ...done.effects] }
}
