/** Whether the page is in front, and who has to know when that changes. */
import { reactive } from 'vue'
import { currentPlatform } from '@/api/client'
import { initialLife, isFront, type LifeEffect, type LifeEvent, type LifeState, type Moment, step, TICK_MS } from '@/lib/lifecycle'

interface State {
  front: boolean
}
export type Return = Extract<LifeEffect, { type: 'return' }>

const moment = (): Moment => ({ steadyMs: performance.now(), wallMs: Date.now() })
const isVisible = (): boolean => document.visibilityState !== 'hidden'

let life: LifeState = initialLife(isVisible(), moment())
const state = reactive<State>({ front: isFront(life) })
const leaving = new Set<() => void>()
const returning = new Set<(how: Return) => void>()
let started = false
let ticker = 0

function tell(event: LifeEvent): void {
  const { state: next, effects } = step(life, event, moment())
  life = next
  for (const effect of effects) {
    if (effect.type === 'leave') for (const run of [...leaving]) run()
    else for (const run of [...returning]) run(effect)
  }
  state.front = isFront(life)
  // No timer in the background, where it would only wake the machine.
  if (state.front === (ticker !== 0)) return
  window.clearInterval(ticker)
  ticker = state.front ? window.setInterval(() => tell('tick'), TICK_MS) : 0
}

/** Listens from now on; once is enough. */
function start(): void {
  tell(isVisible() ? 'visible' : 'hidden')
  if (started) return
  started = true
  document.addEventListener('visibilitychange', () => tell(isVisible() ? 'visible' : 'hidden'))
  document.addEventListener('freeze', () => tell('frozen'))
  document.addEventListener('resume', () => tell('thawed'))
  window.addEventListener('pagehide', () => tell('left'))
  window.addEventListener('pageshow', () => tell('entered'))
  currentPlatform()?.life?.(tell)
}

/** Runs before the system may stop the page: it must be done when it returns. Gives what takes it back. */
function onLeave(run: () => void): () => void {
  leaving.add(run)
  return () => void leaving.delete(run)
}

function onReturn(run: (how: Return) => void): () => void {
  returning.add(run)
  return () => void returning.delete(run)
}

export const lifecycle = { state: state as Readonly<State>, start, onLeave, onReturn }
