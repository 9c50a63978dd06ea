/**
 * Noise reduction: a downward expander. What is hardly louder than the noise of the room is made quieter, what is louder
 * passes as it is. The room is learned from the quietest moments of the last seconds, since people pause and noise does not.
 */

/** How much quieter the room becomes, dB, by level of the setting; 0 is off. */
export const DEPTH_DB = [0, 6, 12, 18, 26] as const
/** How far above the room a sound must be to pass whole, dB, by level. */
const MARGIN_DB = [0, 8, 9, 10, 11] as const
/** From whole to `DEPTH_DB`. */
const KNEE_DB = 5
/** Mean of noise over its quietest moments. */
const BIAS_DB = 2
/** What is louder than this is nobody's room, however steady. */
const LOUDEST_ROOM_DB = -38
/** Taken for the room until it is known: better a little noise than the first word cut off. */
const UNKNOWN_ROOM_DB = -60
const SILENCE_POWER = 1e-9

const MEAN_MS = 10
const LOOK_MS = 5
/** Opens within a consonant; stays open over the gaps within a word, and closes without being noticed. */
const ATTACK_MS = 4
const HOLD_MS = 120
const RELEASE_MS = 120
const BUCKET_MS = 200
const BUCKETS = 8

const db = (power: number): number => 10 * Math.log10(Math.max(power, SILENCE_POWER))
/** Per sample, towards a value that is reached to 63 % after `ms`. */
const pace = (ms: number, rate: number): number => 1 - Math.exp(-1000 / (ms * rate))

export class Expander {
  private readonly depth: number
  private readonly margin: number
  private readonly mean: number
  private readonly attack: number
  private readonly release: number
  private readonly look: number
  private readonly looksPerBucket = BUCKET_MS / LOOK_MS
  private power = 0
  private gain = 1
  private target = 1
  private untilLook: number
  private held = 0
  private looks = 0
  private quietest = Infinity
  /** The quietest power of each stretch, the oldest overwritten next. */
  private readonly rooms = new Float64Array(BUCKETS).fill(10 ** (UNKNOWN_ROOM_DB / 10))
  private room = 0
  private roomDb = UNKNOWN_ROOM_DB

  constructor(level: number, rate: number) {
    const known = Math.max(0, Math.min(DEPTH_DB.length - 1, Math.round(level)))
    this.depth = DEPTH_DB[known]!
    this.margin = MARGIN_DB[known]!
    this.mean = pace(MEAN_MS, rate)
    this.attack = pace(ATTACK_MS, rate)
    this.release = pace(RELEASE_MS, rate)
    this.look = Math.round((LOOK_MS * rate) / 1000)
    this.untilLook = this.look
  }

  /** Changes the samples where they lie. */
  process(samples: Float32Array): void {
    if (this.depth === 0) return
    for (let n = 0; n < samples.length; n++) {
      const sample = samples[n]!
      this.power += (sample * sample - this.power) * this.mean
      if (--this.untilLook === 0) this.judge()
      this.gain += (this.target - this.gain) * (this.target > this.gain ? this.attack : this.release)
      samples[n] = sample * this.gain
    }
  }

  private judge(): void {
    this.untilLook = this.look
    this.quietest = Math.min(this.quietest, this.power)
    if (++this.looks === this.looksPerBucket) this.learn()
    const below = Math.min(KNEE_DB, this.roomDb + this.margin - db(this.power))
    if (below <= 0) this.held = HOLD_MS / LOOK_MS
    else if (this.held > 0) this.held--
    this.target = this.held > 0 ? 1 : 10 ** ((-this.depth * Math.max(0, below)) / KNEE_DB / 20)
  }

  private learn(): void {
    this.rooms[this.room] = this.quietest
    this.room = (this.room + 1) % BUCKETS
    this.looks = 0
    this.quietest = Infinity
    this.roomDb = Math.min(LOUDEST_ROOM_DB, db(Math.min(...this.rooms)) + BIAS_DB)
  }
}
