/**
 * The life cycle of the page as a pure transition function: what the browser and the shell tell goes in, and what follows
 * from it comes out. `stores/life.ts` listens and carries out.
 *
 * In the background nothing is decoded and nothing is fetched; the core counts how long it keeps the streams, since a
 * page in the background may be frozen at any moment.
 */

export type LifeEvent =
  | 'visible' | 'hidden'
  /** Page Lifecycle API: no timer and no task runs in between. */
  | 'frozen' | 'thawed'
  /** The page is left, perhaps for good; or it comes out of the back-forward cache. */
  | 'left' | 'entered'
  /** The system pauses the program, which a dialogue or half a screen for another app does too: no reason to stop. */
  | 'suspended' | 'resumed'
  | 'tick'

/** A moment on both clocks: the steady one may stand still while the machine sleeps, the other may be set. */
export interface Moment {
  steadyMs: number
  wallMs: number
}

export interface LifeState {
  visible: boolean
  frozen: boolean
  left: boolean
  /** Since when the page is in the background; null while it is in front. */
  away: Moment | null
  /** When anything was last heard while in front. */
  seen: Moment
}

/** `kept`: the core still has the streams, and live pictures come at once. */
export type LifeEffect = { type: 'leave' } | { type: 'return'; awayMs: number; kept: boolean }

export interface LifeStep {
  state: LifeState
  effects: LifeEffect[]
}

/** The core's `AWAY_GRACE`. */
export const KEPT_MS = 30_000
/** Between two looks at the clocks while in front. */
export const TICK_MS = 2000
/** The clocks have jumped by more than this: the machine slept. A busy page is late by less. */
const SLEPT_MS = 10_000

export function initialLife(visible: boolean, now: Moment): LifeState {
  return { visible, frozen: false, left: false, away: visible ? null : now, seen: now }
}

export const isFront = (state: LifeState): boolean => state.away === null

/** The longer of both clocks: one of them may have stood still, and the other may have been set back. */
const between = (from: Moment, to: Moment): number => Math.max(0, to.steadyMs - from.steadyMs, to.wallMs - from.wallMs)

const back = (awayMs: number): LifeEffect => ({ type: 'return', awayMs, kept: awayMs < KEPT_MS })

export function step(before: LifeState, event: LifeEvent, now: Moment): LifeStep {
  const state = { ...before }
  switch (event) {
    case 'visible':
      // Whoever sees the page has it running and entered, whatever was not told.
      Object.assign(state, { visible: true, frozen: false, left: false })
      break
    case 'hidden': state.visible = false; break
    case 'frozen': state.frozen = true; break
    case 'thawed': state.frozen = false; break
    case 'left': state.left = true; break
    case 'entered': state.left = false; break
    case 'suspended':
    case 'resumed':
    case 'tick':
  }
  const front = state.visible && !state.frozen && !state.left
  if (!front) {
    if (before.away !== null) return { state, effects: [] }
    return { state: { ...state, away: now }, effects: [{ type: 'leave' }] }
  }
  if (before.away !== null) return { state: { ...state, away: null, seen: now }, effects: [back(between(before.away, now))] }
  const gap = between(before.seen, now)
  state.seen = now
  // In front all the time and yet not there: decoders and connections are as dead as after a time in the background.
  return { state, effects: gap > TICK_MS + SLEPT_MS ? [{ type: 'leave' }, back(gap)] : [] }
}
