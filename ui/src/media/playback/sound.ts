/**
 * The sound of a recording, in time with its pictures. It is read a few seconds ahead and laid where it belongs on the
 * speaker's clock; whenever the pictures are elsewhere than they should be by then, it begins anew from where they are.
 * Heard at plain speed only, as in every player: other speeds would need another pitch.
 */
import type { MovieSound as Stretch } from '@/api/generated'
import type { CreateDecoder, SoundDecoder } from '../sound/decoder'
import { Resampler } from '../sound/resampler'
import type { Speaker } from '../sound/speaker'

export type MovieSoundPhase = 'on' | 'muted' | 'blocked' | 'unsupported' | 'failed'

export interface MovieSoundSetup {
  speaker: Speaker
  createDecoder: CreateDecoder
  /** Reads what is heard from one time on and before another, µs. */
  read(fromUs: number, toUs: number): Promise<Stretch>
  durationUs: number
  changed(): void
}

/** What it follows: the state of the engine. */
export interface Followed {
  playing: boolean
  rate: number
  atUs: number
  seeking: boolean
  ended: boolean
  shownUs: number | null
}

/** So much is read at once, and so much is kept ready. */
const STRETCH_US = 4_000_000
const AHEAD_US = 3_000_000
/** How far sound and picture may lie apart for how long (ITU-R BT.1359: −125 to +45 ms is what is noticed). */
const TOLERANCE_S = 0.08
const TOLERATED_TICKS = 20
const JUMP_S = 0.4
/** A seam between two runs is none up to here; decoders count in whole samples. */
const SEAM_S = 0.02
const FADE_S = 0.004

export class MovieSound {
  private readonly setup: MovieSoundSetup
  private on = true
  private unsupported = false
  private failed = false
  /** What is heard now was asked for with this number; answers to another are too late. */
  private generation = 0
  private decoder: SoundDecoder | null = null
  private resampler = new Resampler()
  /** The speaker's time of the beginning of the recording; null while nothing is laid. */
  private zero: number | null = null
  private off = 0
  private readUntilUs = 0
  private reading = false
  /** The speaker's time at which the next run begins where it follows without a seam. */
  private next: number | null = null
  /** For tests and measurements. */
  runs = 0

  constructor(setup: MovieSoundSetup) {
    this.setup = setup
  }

  get phase(): MovieSoundPhase {
    if (this.unsupported) return 'unsupported'
    if (this.failed) return 'failed'
    if (!this.on) return 'muted'
    return this.setup.speaker.running ? 'on' : 'blocked'
  }

  /** Call it within a gesture: engines let nothing sound without one. */
  open(): void {
    if (this.on) this.setup.speaker.open()
  }

  /** Within a gesture too. */
  setOn(on: boolean): void {
    this.on = on
    this.failed = false
    if (on) this.setup.speaker.open()
    else this.forget()
    this.setup.changed()
  }

  /** Once per animation frame. */
  follow({ playing, rate, atUs, seeking, ended, shownUs }: Followed): void {
    const { speaker } = this.setup
    if (!this.on || this.unsupported || this.failed || !playing || rate !== 1 || seeking || ended || shownUs === null || !speaker.running) {
      if (this.zero !== null) this.forget()
      return
    }
    const zero = speaker.now() - atUs / 1e6
    if (this.zero !== null) {
      const error = Math.abs(zero - this.zero)
      this.off = error > TOLERANCE_S ? this.off + 1 : 0
      if (error > JUMP_S || this.off > TOLERATED_TICKS) this.forget()
    }
    if (this.zero === null) {
      this.zero = zero
      this.off = 0
      this.readUntilUs = Math.max(0, Math.round(atUs))
    }
    if (!this.reading && this.readUntilUs < this.setup.durationUs && this.readUntilUs - atUs < AHEAD_US) void this.readOn()
  }

  close(): void {
    this.forget()
    this.on = false
    this.setup.speaker.close()
  }

  private forget(): void {
    this.generation++
    this.zero = this.next = null
    this.reading = false
    this.decoder?.close()
    this.decoder = null
    this.setup.speaker.silence()
  }

  private async readOn(): Promise<void> {
    const { generation } = this
    const from = this.readUntilUs
    const to = Math.min(from + STRETCH_US, this.setup.durationUs)
    this.reading = true
    let stretch: Stretch
    try {
      stretch = await this.setup.read(from, to)
    } catch {
      if (generation === this.generation) this.give('failed')
      return
    }
    if (generation !== this.generation) return
    this.reading = false
    this.readUntilUs = to
    if (stretch.format === null) {
      this.give('unsupported')
      return
    }
    const first = this.decoder === null
    try {
      this.decoder ??= this.setup.createDecoder(stretch.format, stretch.sampleRate, stretch.channels, {
        samples: (samples, rate, ptsUs) => {
          if (generation === this.generation) this.lay(samples, rate, ptsUs)
        },
        error: () => {
          if (generation === this.generation) this.give('unsupported')
        },
      })
    } catch {
      this.give('unsupported')
      return
    }
    for (const { atUs, data } of stretch.runs) {
      // A run that goes on beyond a stretch is in the next one again.
      if (first || atUs >= from) this.decoder?.feed(Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)), atUs)
    }
  }

  private give(what: 'failed' | 'unsupported'): void {
    this[what] = true
    this.forget()
    this.setup.changed()
  }

  private lay(samples: Float32Array, rate: number, ptsUs: number): void {
    const { speaker } = this.setup
    if (this.zero === null || samples.length === 0 || rate <= 0 || speaker.rate === 0) return
    let at = this.zero + ptsUs / 1e6 - speaker.latency()
    // What should have been heard already is left out.
    const late = Math.ceil(Math.max(0, speaker.now() - at) * rate)
    if (late >= samples.length) return
    at += late / rate
    const follows = this.next !== null && late === 0 && Math.abs(at - this.next) < SEAM_S
    if (!follows) this.resampler.reset()
    const out = this.resampler.process(late === 0 ? samples : samples.subarray(late), rate / speaker.rate)
    if (!follows) fade(out, speaker.rate)
    const begin = follows ? this.next ?? at : at
    speaker.play(out, begin)
    this.next = begin + out.length / speaker.rate
    this.runs++
  }
}

/** A beginning without a click. */
function fade(samples: Float32Array, rate: number): void {
  const length = Math.min(samples.length, Math.round(FADE_S * rate))
  for (let n = 0; n < length; n++) samples[n]! *= n / length
}
