import { computed, reactive } from 'vue'
import { onLocked, rpc } from '@/api/client'
import type { ProtectionKind, ProtectionPrompt, ProtectionState } from '@/api/generated'
import type { TextKey } from '@/i18n'
import { devices } from './devices'
import { lifecycle } from './life'
import { pictures } from './pictures'
import { recording } from './recording'
import { settings } from './settings'

interface State extends ProtectionState {
  /** Pages may be there: the app has been unlocked once, or is not protected. */
  opened: boolean
  /** The app is in the background, where the system may take a picture of it for its list of apps. */
  covered: boolean
  /** Until when no try is taken, milliseconds of `Date.now()`. */
  waitUntil: number | null
}

const BEGIN: Readonly<State> = {
  offered: false, kind: null, locked: false, askAfterS: 0, waitMs: null, triesLeft: 5, biometrics: 'absent', opened: false, covered: false, waitUntil: null,
}
const state = reactive<State>({ ...BEGIN })

let listening = false
/** What has to wait for the app to be opened for the first time. */
let whenOpened: (() => Promise<void>) | null = null

/** Does it now, or as soon as the app is unlocked. */
async function whenOpen(work: () => Promise<void>): Promise<void> {
  if (state.locked) whenOpened = work
  else await work()
}

function wait(ms: number | null): void {
  state.waitUntil = ms === null ? null : Date.now() + ms
}

function take(told: ProtectionState): void {
  const was = state.locked
  Object.assign(state, told)
  wait(told.waitMs)
  if (!told.locked) state.opened = true
  if (told.locked) {
    // The core gives none either.
    pictures.reset()
    return
  }
  const waiting = whenOpened
  whenOpened = null
  if (waiting !== null) void waiting()
  else if (was) {
    void devices.refresh()
    recording.lookAgain()
  }
}

/** A page that begins is a login: the core asks, unless the app was away for a short time only. */
async function start(): Promise<void> {
  onLocked(() => void noticeLock())
  if (!listening) {
    lifecycle.onLeave(() => void away())
    lifecycle.onReturn(() => void back())
  }
  listening = true
  lifecycle.start()
  try {
    take(await rpc('protection.back', { starting: true }))
  } catch {
    // The core does not answer, which the page says already. It gives nothing while it is locked.
    state.opened = true
  }
}

/** The core says so, whatever locked it: another page, or the time. */
async function noticeLock(): Promise<void> {
  state.locked = true
  take(await rpc('protection.state', {}).catch(() => ({ ...state, locked: true })))
}

async function away(): Promise<void> {
  if (state.kind === null) return
  // Before the answer: the system takes its picture soon.
  state.covered = true
  try {
    take(await rpc('protection.away', {}, true))
  } catch {
    // What is not told is asked at the return.
  }
}

async function back(): Promise<void> {
  if (state.kind === null) return
  try {
    take(await rpc('protection.back', {}))
  } catch {
    state.locked = true
  }
  state.covered = false
}

/** A refusal may begin a pause. */
async function tried(work: Promise<ProtectionState>): Promise<void> {
  try {
    take(await work)
  } catch (error) {
    const told = await rpc('protection.state', {}).catch(() => null)
    if (told !== null) take(told)
    throw error
  }
}

const unlock = (secret: string): Promise<void> => tried(rpc('protection.unlock', { secret }))
/** By a finger or a face; `prompt` is what the sheet of the system says. */
const unlockByBiometrics = (prompt: ProtectionPrompt): Promise<void> => tried(rpc('protection.unlockByBiometrics', prompt))
const letBiometrics = (secret: string): Promise<void> => tried(rpc('protection.letBiometrics', { secret }))
const forgetBiometrics = async (): Promise<void> => take(await rpc('protection.forgetBiometrics', {}))
const lock = async (): Promise<void> => take(await rpc('protection.lock', {}))
const askAfter = async (seconds: number): Promise<void> => take(await rpc('protection.askAfter', { seconds }))

/** The core's words about where the key lies change with it. */
async function changing(work: Promise<ProtectionState>): Promise<void> {
  await tried(work)
  settings.load().catch(() => undefined)
}

const setUp = (kind: ProtectionKind, secret: string): Promise<void> => changing(rpc('protection.setUp', { kind, secret }))
const change = (current: string, kind: ProtectionKind, secret: string): Promise<void> =>
  changing(rpc('protection.change', { current, kind, secret }))
const turnOff = (secret: string): Promise<void> => changing(rpc('protection.turnOff', { secret }))

async function forget(): Promise<void> {
  await changing(rpc('protection.forget', { erasePasswords: true }))
  await devices.refresh()
}

const summary = computed<TextKey>(() => {
  if (state.kind === null) return 'protection.off'
  return state.kind === 'pin' ? 'protection.onPin' : 'protection.onPassword'
})

/** Forgets everything; for tests. */
function reset(): void {
  whenOpened = null
  Object.assign(state, BEGIN)
}

export const protection = {
  state: state as Readonly<State>, summary, start, whenOpen, away, back, unlock, unlockByBiometrics, letBiometrics, forgetBiometrics, lock, setUp, change, turnOff, askAfter, forget, reset,
}
