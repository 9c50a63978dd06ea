/**
 * Plays the sound of one stream in time with its pictures. The page has one, so that at most one window is heard.
 *
 * A run of sound should be heard when what was seen at that moment is on screen. Pictures are not held up for it: where
 * they are shown as they come, the sound is as late as its packets are long and its small buffer is deep, which is
 * within `TOLERANCE_MS` for the usual packets of 20 to 64 ms. Where pictures wait longer, so does the sound.
 */
import type { Code, SoundState } from '@/api/generated'
import type { Clock } from '../clock'
import { FLAG_DISCONTINUITY, KIND_SOUND, KIND_SOUND_STATE, readSoundState, type WireMessage } from '../wire'
import type { CreateDecoder, SoundDecoder } from './decoder'
import { PictureClock } from './pictureclock'
import { Resampler } from './resampler'
import type { Speaker } from './speaker'

/** How far sound and picture may lie apart: broadcasters' limit of what is noticed (ITU-R BT.1359: −125 to +45 ms). */
export const TOLERANCE_MS = 80
/** The buffer against uneven arrival and a busy page: at first, at least and at most. */
const BUFFER_MS = 60
const BUFFER_MIN_MS = 40
const BUFFER_MAX_MS = 240
/** What an underrun adds to it, and what a calm second takes off. */
const BUFFER_MORE_MS = 25
const BUFFER_LESS_MS_PER_S = 1
/** Off by more, and it begins anew where it belongs; less is made up by a speed nobody hears. */
const JUMP_S = 0.25
const SPEED_LIMIT = 0.012
/** The error is halved in about two seconds. */
const SPEED_GAIN = 0.35
const SMOOTHING = 0.1
/** A picture that is shown so much later than it should be heard is no reason to wait. */
const LONGEST_WAIT_S = 3
const FADE_S = 0.004
const MAX_ERRORS = 3
/** Without any sound for this long, it does not play. */
const QUIET_MS = 3000

export type SoundPhase = 'off' | 'connecting' | 'playing' | 'blocked' | 'none' | 'unsupported' | 'failed'

export interface SoundView {
  phase: SoundPhase
  /** "G.711 A-law". */
  coding: string | null
  code: Code | null
  /** How much later the sound is heard than its picture is seen, ms; null while that is not known. */
  skewMs: number | null
}

export const SILENT: SoundView = { phase: 'off', coding: null, code: null, skewMs: null }

export interface SoundSetup {
  clock: Clock
  speaker: Speaker
  createDecoder: CreateDecoder
  changed(): void
}

export class SoundPlayer {
  private readonly setup: SoundSetup
  private readonly pictures = new PictureClock()
  private readonly resampler = new Resampler()
  private on = false
  private told: SoundState | null = null
  private decoder: SoundDecoder | null = null
  private errors = 0
  /** The speaker's time at which the next run begins; null while nothing is scheduled. */
  private next: number | null = null
  private bufferMs = BUFFER_MS
  /** Smoothed: how far the schedule is behind where it should be, and behind the pictures, seconds. */
  private behind = 0
  private skew: number | null = null
  private heardAt: number | null = null
  private lastRunAt = 0
  /** For measurements. */
  underruns = 0
  runs = 0

  constructor(setup: SoundSetup) {
    this.setup = setup
  }

  get view(): SoundView {
    if (!this.on) return SILENT
    const { told } = this
    const coding = told?.coding ?? null
    const code = told?.code ?? null
    return { phase: this.phase, coding, code, skewMs: this.phase === 'playing' && this.skew !== null ? Math.round(this.skew * 1000) : null }
  }

  private get phase(): SoundPhase {
    const { told, heardAt } = this
    if (this.errors >= MAX_ERRORS) return 'unsupported'
    if (told === null || told.phase === 'connecting') return 'connecting'
    if (told.phase !== 'playing') return told.phase
    if (!this.setup.speaker.running) return 'blocked'
    return heardAt !== null && this.setup.clock.now() - heardAt < QUIET_MS ? 'playing' : 'connecting'
  }

  /** Somebody wants to hear. Call it within their gesture: engines let nothing sound without one. */
  start(): void {
    this.on = true
    this.setup.speaker.open()
    this.setup.changed()
  }

  /** Another stream, or the same opened anew: what comes has another clock. */
  restart(): void {
    this.told = null
    this.errors = 0
    this.heardAt = null
    this.pictures.reset()
    this.dropDecoder()
    this.forget()
    this.setup.changed()
  }

  stop(): void {
    this.on = false
    this.restart()
    this.setup.speaker.close()
    this.setup.changed()
  }

  /** A picture of the stream that is heard was put on screen just now. */
  shown(ptsUs: number): void {
    if (this.on) this.pictures.shown(ptsUs, this.setup.clock.now())
  }

  message(message: WireMessage): void {
    if (!this.on) return
    if (message.kind === KIND_SOUND_STATE) {
      const told = readSoundState(message.payload)
      if (told !== null) this.tell(told)
    } else if (message.kind === KIND_SOUND && this.errors < MAX_ERRORS) {
      if (message.flags & FLAG_DISCONTINUITY) this.resampler.reset()
      this.decoder?.feed(message.payload, message.ptsUs)
    }
  }

  private tell(told: SoundState): void {
    const same = this.told !== null && this.decoder !== null && told.format === this.told.format
      && told.sampleRate === this.told.sampleRate && told.channels === this.told.channels
    this.told = told
    if (!same) {
      this.dropDecoder()
      this.createDecoder()
    }
    this.setup.changed()
  }

  private createDecoder(): void {
    const { told } = this
    if (told === null || told.phase !== 'playing' || told.format === null) return
    let own: SoundDecoder | null = null
    const current = (): boolean => own !== null && own === this.decoder
    try {
      own = this.setup.createDecoder(told.format, told.sampleRate, told.channels, {
        samples: (samples, rate, ptsUs) => {
          if (current()) this.hear(samples, rate, ptsUs)
        },
        error: () => {
          if (current()) this.broken()
        },
      })
      this.decoder = own
    } catch {
      this.broken()
    }
  }

  /** One torn frame is weather; several in a row are a coding that this engine cannot do after all. */
  private broken(): void {
    this.errors++
    this.dropDecoder()
    if (this.errors < MAX_ERRORS) queueMicrotask(() => { if (this.on && this.decoder === null) this.createDecoder() })
    this.setup.changed()
  }

  private dropDecoder(): void {
    const { decoder } = this
    this.decoder = null
    decoder?.close()
  }

  private forget(): void {
    this.next = null
    this.skew = null
    this.behind = 0
    this.resampler.reset()
    this.setup.speaker.silence()
  }

  private hear(samples: Float32Array, rate: number, ptsUs: number): void {
    const { speaker, clock } = this.setup
    if (samples.length === 0 || rate <= 0) return
    this.errors = 0
    if (!speaker.running || speaker.rate === 0) {
      this.next = null
      return
    }
    const wasQuiet = this.phase !== 'playing'
    const now = speaker.now()
    const nowMs = clock.now()
    this.heardAt = nowMs
    this.runs++
    const seenAt = this.pictures.onScreenAt(ptsUs, nowMs)
    /** When it should begin for the picture's sake, by the speaker's clock. */
    const ideal = seenAt === null ? null : now + (seenAt - nowMs) / 1000 - speaker.latency()
    const soonest = now + this.bufferMs / 1000
    const wanted = Math.min(Math.max(ideal ?? soonest, soonest), now + LONGEST_WAIT_S)
    let fadeIn = false
    if (this.next !== null && this.next < now) {
      this.underruns++
      this.bufferMs = Math.min(BUFFER_MAX_MS, this.bufferMs + BUFFER_MORE_MS)
      this.next = null
    } else if (this.next !== null) {
      const calmS = Math.min(1, (nowMs - this.lastRunAt) / 1000)
      this.bufferMs = Math.max(BUFFER_MIN_MS, this.bufferMs - BUFFER_LESS_MS_PER_S * calmS)
    }
    this.lastRunAt = nowMs
    if (this.next !== null && Math.abs(this.next - wanted) > JUMP_S) {
      speaker.silence()
      this.next = null
    }
    if (this.next === null) {
      this.resampler.reset()
      this.behind = 0
      this.skew = null
      this.next = wanted
      fadeIn = true
    } else {
      this.behind += SMOOTHING * (this.next - wanted - this.behind)
    }
    if (ideal !== null) this.skew = this.skew === null ? this.next - ideal : this.skew + SMOOTHING * (this.next - ideal - this.skew)
    const speed = 1 + Math.min(SPEED_LIMIT, Math.max(-SPEED_LIMIT, this.behind * SPEED_GAIN))
    const out = this.resampler.process(samples, (rate * speed) / speaker.rate)
    if (fadeIn) fade(out, speaker.rate)
    speaker.play(out, this.next)
    this.next += out.length / speaker.rate
    if (wasQuiet) this.setup.changed()
  }
}

/** A beginning without a click. */
function fade(samples: Float32Array, rate: number): void {
  const length = Math.min(samples.length, Math.round(FADE_S * rate))
  for (let n = 0; n < length; n++) samples[n]! *= n / length
}
