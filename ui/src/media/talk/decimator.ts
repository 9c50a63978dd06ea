/** Brings a microphone's samples to the rate that cameras take, without what lies above half of it coming back as noise. */

/** Of what voices have, cameras keep what a telephone keeps: whole below, gone above. */
const PASS_HZ = 3400
const STOP_HZ = 4000
/** 60 dB: what is folded back is below the noise of any coding that cameras take. */
const STOP_DB = 60
const BETA = 0.1102 * (STOP_DB - 8.7)

/** A run of samples at another rate, without a seam from one piece to the next: windowed sinc, one set of taps per phase. */
export class Decimator {
  /** Outputs for each `down` inputs. */
  private readonly up: number
  private readonly down: number
  private readonly length: number
  /** By phase; null where nothing has to be changed. */
  private readonly taps: Float32Array[] | null
  /** The `length - 1` inputs before the present piece, and the piece. */
  private line: Float32Array
  private out = new Float32Array(0)
  /** Where the next output lies: whole inputs into the next piece, and a phase. */
  private at = 0
  private phase = 0

  constructor(from: number, to: number) {
    const common = gcd(from, to)
    this.up = to / common
    this.down = from / common
    const narrow = Math.min(1, from / to)
    const [pass, stop] = [PASS_HZ * narrow, STOP_HZ * narrow]
    // Kaiser's formula for the number of taps.
    const needed = (STOP_DB - 8) / (2.285 * 2 * Math.PI * ((stop - pass) / from))
    this.length = from === to ? 1 : 2 * Math.ceil(needed / 2)
    this.taps = from === to ? null : Array.from({ length: this.up }, (_, phase) => tapsOf(this.length, phase / this.up, (pass + stop) / 2 / from))
    this.line = new Float32Array(this.length - 1)
  }

  /** What it gives is overwritten by the next piece: an audio thread must not make garbage. */
  process(input: Float32Array): Float32Array {
    if (this.taps === null) return input
    const past = this.length - 1
    if (this.line.length < past + input.length) {
      const longer = new Float32Array(past + input.length)
      longer.set(this.line.subarray(0, past))
      this.line = longer
    }
    this.line.set(input, past)
    const most = Math.ceil(((input.length + 1) * this.up) / this.down) + 1
    if (this.out.length < most) this.out = new Float32Array(most)
    let count = 0
    while (this.at < input.length) {
      const taps = this.taps[this.phase]!
      const newest = past + this.at
      let sum = 0
      for (let n = 0; n < taps.length; n++) sum += taps[n]! * this.line[newest - n]!
      this.out[count++] = sum
      this.phase += this.down
      this.at += Math.floor(this.phase / this.up)
      this.phase %= this.up
    }
    this.at -= input.length
    this.line.copyWithin(0, input.length, past + input.length)
    return this.out.subarray(0, count)
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Taps for an output that lies `fraction` of a sample after the newest input; `cutoff` in cycles per input. */
function tapsOf(length: number, fraction: number, cutoff: number): Float32Array {
  const middle = (length - 1) / 2
  const half = middle + 1
  const taps = Float32Array.from({ length }, (_, n) => {
    const at = n + fraction - middle
    const sinc = at === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * at) / (Math.PI * at)
    return sinc * bessel(BETA * Math.sqrt(Math.max(0, 1 - (at / half) ** 2)))
  })
  // Each phase as loud as the others, or their difference would be heard as a tone.
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
}

/** Modified Bessel function of the first kind, order zero: the shape of a Kaiser window. */
function bessel(x: number): number {
  let [sum, term] = [1, 1]
  for (let n = 1; term > sum * 1e-9; n++) {
    term *= (x / (2 * n)) ** 2
    sum += term
  }
  return sum
}
