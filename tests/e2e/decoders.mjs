/**
 * Stands between the page and the engine's decoders: takes them away, silences them, gives only so many, or makes all of
 * them together as slow as a weak phone. Runs in the page, before anything else; `window.__decoders` is its handle.
 */
export function weakDecoders() {
  const Real = window.VideoDecoder
  const control = window.__decoders = {
    /** How many may be configured at once. */
    limit: Infinity,
    /** What one picture costs, ms; all decoders share one processor. */
    costMs: 0,
    alive: new Set(),
    made: 0,
    refused: 0,
    madeAt: 0,
    hurtAt: 0,
    waiting: [],
    /** Takes the oldest decoder away, as an engine does. */
    reclaim() {
      const [one] = control.alive
      control.hurtAt = performance.now()
      one?.die(new DOMException('Codec reclaimed due to inactivity.', 'QuotaExceededError'))
    },
    /** The oldest decoder takes pictures from now on, and gives none. */
    silence() {
      const [one] = control.alive
      control.hurtAt = performance.now()
      if (one) one.mute = true
    },
  }
  let spent = 0
  setInterval(() => {
    const now = performance.now()
    if (control.costMs === 0) spent = now
    spent = Math.max(spent, now - 200)
    while (control.waiting.length > 0 && spent <= now) {
      spent += control.costMs
      control.waiting.shift()()
    }
    if (control.waiting.length === 0) spent = Math.max(spent, now)
  }, 5)

  window.VideoDecoder = class {
    constructor({ output, error }) {
      this.error = error
      this.dead = false
      this.mute = false
      this.inside = 0
      this.real = new Real({
        output: (frame) => {
          if (this.mute || this.dead) frame.close()
          else output(frame)
        },
        error: (reason) => this.die(reason),
      })
      control.made++
      control.madeAt = performance.now()
    }

    static isConfigSupported(config) { return Real.isConfigSupported(config) }
    get state() { return this.dead ? 'closed' : this.real.state }
    get decodeQueueSize() { return this.inside + (this.dead ? 0 : this.real.decodeQueueSize) }

    configure(config) {
      if (control.alive.size >= control.limit) {
        control.refused++
        setTimeout(() => this.die(new DOMException('No decoder left.', 'QuotaExceededError')), 5)
      } else control.alive.add(this)
      this.real.configure(config)
    }

    decode(chunk) {
      if (this.dead) throw new DOMException('closed', 'InvalidStateError')
      if (!control.alive.has(this)) return
      if (control.costMs === 0 && this.inside === 0) {
        this.real.decode(chunk)
        return
      }
      this.inside++
      control.waiting.push(() => {
        this.inside--
        if (!this.dead && this.real.state === 'configured') this.real.decode(chunk)
      })
    }

    async flush() {
      while (this.inside > 0 && !this.dead) await new Promise((resolve) => setTimeout(resolve, 5))
      if (this.dead) throw new DOMException('closed', 'AbortError')
      return this.real.flush()
    }

    reset() { this.real.reset() }

    close() {
      this.dead = true
      control.alive.delete(this)
      if (this.real.state !== 'closed') this.real.close()
    }

    die(reason) {
      if (this.dead) return
      this.close()
      this.error(reason)
    }
  }
}
