/** Where samples are heard. The one place that knows Web Audio. */

export interface Speaker {
  /** Samples per second that it takes; 0 until it is open. */
  readonly rate: number
  /** It makes sound: neither waiting for a gesture nor without a device. */
  readonly running: boolean
  /** Seconds on its own clock. */
  now(): number
  /** How long after its clock's moment a sample is heard, seconds. */
  latency(): number
  /** Plays from that moment on. */
  play(samples: Float32Array<ArrayBuffer>, at: number): void
  /** Forgets what is scheduled. */
  silence(): void
  /** Opens it; call it within a gesture of the user. */
  open(): void
  close(): void
}

/** Speech and alarms need no more than the system's own volume. */
export class WebSpeaker implements Speaker {
  private context: AudioContext | null = null
  private out: AnalyserNode | null = null
  private readonly sources = new Set<AudioBufferSourceNode>()
  private readonly changed: () => void

  constructor(changed: () => void) {
    this.changed = changed
  }

  get rate(): number {
    return this.context?.sampleRate ?? 0
  }

  get running(): boolean {
    return this.context?.state === 'running'
  }

  now(): number {
    return this.context?.currentTime ?? 0
  }

  latency(): number {
    // Safari has no outputLatency; a hidden one counts as none.
    return this.context?.outputLatency || this.context?.baseLatency || 0
  }

  open(): void {
    if (this.context === null) {
      const context = new AudioContext({ latencyHint: 'interactive' })
      this.context = context
      this.out = new AnalyserNode(context, { fftSize: 4096 })
      this.out.connect(context.destination)
      context.onstatechange = () => this.changed()
    }
    // Refused outside a gesture, and where there is no device: `running` tells.
    if (this.context.state !== 'running') this.context.resume().then(() => this.changed(), () => this.changed())
  }

  play(samples: Float32Array<ArrayBuffer>, at: number): void {
    const { context, out } = this
    if (context === null || out === null || samples.length === 0) return
    const buffer = context.createBuffer(1, samples.length, context.sampleRate)
    buffer.copyToChannel(samples, 0)
    const source = new AudioBufferSourceNode(context, { buffer })
    source.connect(out)
    source.onended = () => {
      this.sources.delete(source)
      source.disconnect()
    }
    this.sources.add(source)
    source.start(at)
  }

  silence(): void {
    for (const source of this.sources) source.stop()
    this.sources.clear()
  }

  close(): void {
    this.silence()
    const { context } = this
    this.context = null
    this.out = null
    if (context !== null) {
      context.onstatechange = null
      void context.close().catch(() => undefined)
    }
  }

  /** The loudest frequency that is heard now, Hz, and how loud, dB; for measurements. */
  loudest(): { hz: number; db: number } | null {
    const { context, out } = this
    if (context === null || out === null) return null
    const bins = new Float32Array(out.frequencyBinCount)
    out.getFloatFrequencyData(bins)
    let best = 1
    for (let n = 1; n < bins.length; n++) if (bins[n]! > bins[best]!) best = n
    return { hz: (best * context.sampleRate) / out.fftSize, db: bins[best]! }
  }
}
