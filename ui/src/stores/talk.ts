/** The one call that this app makes: to which channel, and how far it is. */
import { shallowReactive } from 'vue'
import { rpc } from '@/api/client'
import { systemClock } from '@/media/clock'
import { type CallView, TalkCall } from '@/media/talk/call'
import { openMicrophone, type OpenMicrophone } from '@/media/talk/microphone'
import { settings } from './settings'

interface Channel { device: string; channel: number; name: string }

interface State {
  /** Who is spoken to or called; null without a call. */
  channel: Channel | null
  phase: CallView['phase'] | null
  /** Since when, milliseconds since 1970. */
  sinceMs: number | null
  /** How loud the voice is, 0..1; changes many times a second, so only the badge reads it. */
  level: number
}

export type Told = (channel: Channel, view: Readonly<CallView>) => void

const state = shallowReactive<State>({ channel: null, phase: null, sinceMs: null, level: 0 })
let call: TalkCall | null = null
let microphone: OpenMicrophone = openMicrophone
const listeners = new Set<Told>()

const isSame = (a: { device: string; channel: number } | null, b: { device: string; channel: number } | null): boolean =>
  a !== null && b !== null && a.device === b.device && a.channel === b.channel

/** This channel is called or spoken to. */
const isOn = (channel: { device: string; channel: number } | null): boolean => isSame(channel, state.channel)

/** Calls; ends an earlier call. Within a gesture of the user, who is asked for the microphone. */
function start(channel: Channel): void {
  stop()
  const mine = new TalkCall(channel, {
    rpc, clock: systemClock, openMicrophone: microphone, noiseReduction: settings.state.noiseReduction,
    level: (level) => { if (call === mine) state.level = level },
    changed: (view) => {
      if (call === mine) Object.assign(state, mine.over ? { channel: null, phase: null, sinceMs: null, level: 0 } : { channel, phase: view.phase, sinceMs: view.sinceMs })
      if (call === mine && mine.over) call = null
      for (const tell of [...listeners]) tell(channel, view)
    },
  })
  call = mine
  void mine.start()
}

function stop(): void {
  call?.stop()
}

/** Hears of every phase of every call. Gives what takes it back. */
function onPhase(tell: Told): () => void {
  listeners.add(tell)
  return () => void listeners.delete(tell)
}

/** For tests. */
function useMicrophone(open: OpenMicrophone): void {
  microphone = open
}

export const talk = { state: state as Readonly<State>, isOn, start, stop, onPhase, useMicrophone }
