/** Changes the rate of a run of samples, without a seam from one piece to the next. */
export class Resampler {
  /** The last three samples of the piece before. */
  private past = [0, 0, 0]
  /** Where the next output lies, in input samples after `past[1]`. */
  private at = 0

  reset(): void {
    this.past = [0, 0, 0]
    this.at = 0
  }

  /** `step`: input samples for one output sample. Four-point Hermite interpolation. */
  process(input: Float32Array, step: number): Float32Array<ArrayBuffer> {
    const joined = new Float32Array(input.length + 3)
    joined.set(this.past)
    joined.set(input, 3)
    // Outputs lie between joined[1 + n] and joined[2 + n], with one sample on either side of them.
    const end = joined.length - 3
    const out = new Float32Array(Math.max(0, Math.ceil((end - this.at) / step)) + 1)
    let at = this.at
    let count = 0
    for (; at < end; at += step, count++) {
      const n = Math.floor(at)
      const t = at - n
      const a = joined[n]!
      const b = joined[n + 1]!
      const c = joined[n + 2]!
      const d = joined[n + 3]!
      const slope = (c - a) / 2
      const c2 = a - 2.5 * b + 2 * c - d / 2
      const c3 = (d - a) / 2 + 1.5 * (b - c)
      out[count] = ((c3 * t + c2) * t + slope) * t + b
    }
    this.at = at - end
    this.past = [joined[end]!, joined[end + 1]!, joined[end + 2]!]
    return out.slice(0, count)
  }
}
