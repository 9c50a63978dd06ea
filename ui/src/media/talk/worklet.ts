/** Runs on the audio thread. Everything it does is in `voice.ts`, where tests reach it. */
import { Voice } from './voice'

// What an AudioWorkletGlobalScope has; the DOM library knows nothing of it.
declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new (options: { processorOptions: VoiceOptions }) => AudioWorkletProcessor): void

export interface VoiceOptions {
  sampleRateHz: number
  noiseReduction: number
}

registerProcessor('bartizan-voice', class extends AudioWorkletProcessor {
  private readonly voice: Voice
  private over = false

  constructor(options: { processorOptions: VoiceOptions }) {
    super()
    const { sampleRateHz, noiseReduction } = options.processorOptions
    this.voice = new Voice(sampleRate, sampleRateHz, noiseReduction)
    this.port.onmessage = () => { this.over = true }
  }

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0]
    if (samples !== undefined && !this.over) this.voice.push(samples, (frame) => this.port.postMessage(frame, [frame.buffer]))
    return !this.over
  }
})
