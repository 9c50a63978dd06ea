import { reactive } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { FoundDevice, SearchState } from '@/api/generated'

interface State {
  running: boolean
  found: FoundDevice[]
  troubles: string[]
  error: ApiError | null
  /** Every address was or is asked one by one. */
  everyAddress: boolean
  /** A search has been started since the program began. */
  started: boolean
}

const state = reactive<State>({ running: false, found: [], troubles: [], error: null, everyAddress: false, started: false })
/** The search whose answers count; a newer one makes older answers void. */
let current: { id: string; revision: number } | null = null

function take(answer: SearchState): void {
  state.found = answer.found
  state.troubles = answer.troubles
  state.running = answer.running
  if (current !== null) current.revision = answer.revision
}

async function follow(mine: { id: string; revision: number }): Promise<void> {
  while (current === mine && state.running) {
    const answer = await rpc('search.next', { search: mine.id, revision: mine.revision })
    if (current !== mine) return
    take(answer)
  }
}

/** Searches anew. Resolves when the search is over; what it finds is in the state as it comes. */
async function start(everyAddress = false): Promise<void> {
  // The old rows stay until the first answer: a list that blinks empty makes people tap the wrong row.
  Object.assign(state, { running: true, error: null, everyAddress, started: true })
  const mine = { id: '', revision: 0 }
  current = mine
  try {
    const begun = await rpc('search.start', everyAddress ? { everyAddress, seconds: 20 } : {})
    if (current !== mine) return
    mine.id = begun.search
    take(begun)
    await follow(mine)
  } catch (error) {
    if (current === mine) Object.assign(state, { running: false, error: asApiError(error) })
  }
}

/** Ends the search; what was found stays. */
async function stop(): Promise<void> {
  const mine = current
  if (mine === null || !state.running) return
  current = null
  state.running = false
  if (mine.id !== '') await rpc('search.stop', { search: mine.id, revision: mine.revision }).catch(() => undefined)
}

/** Asks once more for the list of a search that is over: devices added since are marked in it. One cut short is begun anew. */
async function recheck(): Promise<void> {
  const mine = current
  if (state.running) return
  if (mine === null || mine.id === '') return start(state.everyAddress)
  try {
    const answer = await rpc('search.next', { search: mine.id, revision: mine.revision })
    if (current === mine) take(answer)
  } catch {
    // The core has forgotten that search.
    if (current === mine) await start(state.everyAddress)
  }
}

const SHORTEST_SERIAL = 9

/** Serial numbers as protocols write them: whole, or ending in the short form that labels carry. The core's own rule. */
export function serialsMatch(a: string, b: string): boolean {
  const [one, other] = [a.trim().toUpperCase(), b.trim().toUpperCase()]
  const [long, short] = one.length >= other.length ? [one, other] : [other, one]
  return short !== '' && short.length >= Math.min(SHORTEST_SERIAL, long.length) && long.endsWith(short)
}

function bySerial(serial: string): FoundDevice | null {
  return state.found.find((one) => serialsMatch(one.identity.serial, serial)) ?? null
}

function reset(): void {
  current = null
  Object.assign(state, { running: false, found: [], troubles: [], error: null, everyAddress: false, started: false })
}

export const search = { state: state as Readonly<State>, start, stop, recheck, bySerial, reset }
