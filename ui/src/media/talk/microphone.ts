/** The microphone of this machine as frames of voice. The one place that knows `getUserMedia`. */
import type { VoiceOptions } from './worklet'
// A file of our own origin, which the page's CSP asks for; a worklet takes neither TypeScript nor a blob.
import workletUrl from './worklet.ts?worker&url'

/** Why there is no microphone; each has its sentence and its cure. */
export type MicTrouble = 'micDenied' | 'micMissing' | 'micBusy' | 'micUnsupported'

export class MicError extends Error {
  constructor(readonly trouble: MicTrouble, detail: string) {
    super(detail)
    this.name = 'MicError'
  }
}

export interface MicEvents {
  /** 40 ms of mono samples. */
  frame(frame: Int16Array<ArrayBuffer>): void
  /** It gives nothing any more: pulled out, taken back, or taken by a phone call. */
  ended(): void
}

export interface Microphone {
  close(): void
}

/** Throws `MicError`. After an abort it is closed, whenever the system answers, and what it gives is of no use. */
export type OpenMicrophone = (options: VoiceOptions, events: MicEvents, signal: AbortSignal) => Promise<Microphone>

/** A context that does not run by then never will: some systems hold sound back without a word. */
const RUN_MS = 3000

/** The DOM's word for why there is no microphone, as something with a cure. */
export function micTrouble(error: unknown): MicTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'micDenied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'micMissing'
  return name === 'NotReadableError' || name === 'AbortError' ? 'micBusy' : 'micUnsupported'
}

function running(context: AudioContext, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (context.state !== 'running' && !signal.aborted) return
      window.clearTimeout(timer)
      resolve()
    }
    const timer = window.setTimeout(() => reject(new MicError('micBusy', `audio is ${context.state}`)), RUN_MS)
    context.addEventListener('statechange', look)
    signal.addEventListener('abort', look)
    context.resume().then(look, look)
    look()
  })
}

export const openMicrophone: OpenMicrophone = async (options, events, signal) => {
  // Absent outside HTTPS and localhost, and in web views that were not given it.
  const media = navigator.mediaDevices as MediaDevices | undefined
  if (media?.getUserMedia === undefined || typeof AudioWorkletNode === 'undefined') throw new MicError('micUnsupported', 'no mediaDevices or no AudioWorklet')
  let stream: MediaStream | null = null
  let context: AudioContext | null = null
  let node: AudioWorkletNode | null = null
  let open = true
  const close = (): void => {
    open = false
    for (const track of stream?.getTracks() ?? []) {
      track.onended = null
      track.stop()
    }
    if (node !== null) {
      node.port.onmessage = null
      node.port.postMessage('over')
      node.disconnect()
    }
    if (context !== null) {
      context.onstatechange = null
      if (context.state !== 'closed') context.close().catch(() => undefined)
    }
  }
  const ended = (): void => {
    if (!open) return
    close()
    events.ended()
  }
  try {
    stream = await media.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: options.noiseReduction >= 1, autoGainControl: true, channelCount: 1 },
    })
    signal.throwIfAborted()
    const track = stream.getAudioTracks()[0]
    if (track === undefined) throw new MicError('micMissing', 'a stream without a track')
    track.onended = ended
    // Only now: opening the microphone may change the rate of the whole system, on phones most of all.
    context = new AudioContext({ latencyHint: 'interactive' })
    await context.audioWorklet.addModule(workletUrl)
    signal.throwIfAborted()
    node = new AudioWorkletNode(context, 'bartizan-voice', {
      numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [1], channelCount: 1, channelCountMode: 'explicit', processorOptions: options,
    })
    node.onprocessorerror = ended
    node.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => { if (open) events.frame(data) }
    context.createMediaStreamSource(stream).connect(node)
    // Silence, but without a way to the loudspeaker some engines never run the node.
    node.connect(context.destination)
    await running(context, signal)
    signal.throwIfAborted()
    if (!open) throw new MicError('micBusy', 'it ended while it was opened')
    const { state } = context
    const opened = context
    context.onstatechange = () => { if (opened.state !== state) ended() }
    return { close }
  } catch (error) {
    close()
    throw error instanceof MicError ? error : new MicError(micTrouble(error), String(error))
  }
}
