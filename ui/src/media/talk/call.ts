/**
 * One call through one camera. The microphone is asked for first and the camera called after it was granted, so that no
 * camera is kept from others by a question on this screen. Whoever gives up in between is hung up on later, when the
 * answer comes.
 */
import { asApiError, type UiCode } from '@/api/client'
import type { ChannelRef } from '@/api/generated'
import { base64Of } from '@/lib/base64'
import type { Rpc } from '@/wall/streams'
import type { Clock } from '../clock'
import { MicError, type Microphone, type MicTrouble, type OpenMicrophone } from './microphone'
import { FRAME_MS, loudness } from './voice'

export type TalkCode = UiCode | MicTrouble
/** `ended`: as somebody wanted; `failed`: there is a code for it. */
export type TalkPhase = 'asking' | 'connecting' | 'talking' | 'ended' | 'failed'

export interface CallView {
  phase: TalkPhase
  code: TalkCode | null
  /** It ended because the microphone did. */
  micGone: boolean
  /** Since when the camera is spoken to, milliseconds since 1970. */
  sinceMs: number | null
  /** How loud the voice is, 0..1. */
  level: number
}

export interface CallSetup {
  rpc: Rpc
  clock: Clock
  openMicrophone: OpenMicrophone
  /** 0 to 4, as the setting. */
  noiseReduction: number
  /** Another phase. */
  changed(view: Readonly<CallView>): void
  /** Another level; many times a second. */
  level?(level: number): void
}

/** What the core takes. */
const SAMPLE_RATE_HZ = 8000
/** What is older than this is not worth hearing any more: later speech would lag behind for ever. */
const LAG_MS = 400
const FRAMES = LAG_MS / FRAME_MS

export class TalkCall {
  private readonly setup: CallSetup
  private readonly channel: ChannelRef
  private readonly giveUp = new AbortController()
  private readonly waiting: Int16Array[] = []
  private mic: Microphone | null = null
  private talk: string | null = null
  private onItsWay = false
  private framesOut = 0
  private state: Readonly<CallView> = { phase: 'asking', code: null, micGone: false, sinceMs: null, level: 0 }

  constructor(channel: ChannelRef, setup: CallSetup) {
    this.channel = { device: channel.device, channel: channel.channel }
    this.setup = setup
  }

  get view(): Readonly<CallView> {
    return this.state
  }

  get over(): boolean {
    return this.state.phase === 'ended' || this.state.phase === 'failed'
  }

  /** Once; call it within a gesture of the user. Settles when the camera is spoken to or the call is over. */
  async start(): Promise<void> {
    const { openMicrophone, noiseReduction, rpc, clock } = this.setup
    this.setup.changed(this.state)
    try {
      const mic = await openMicrophone({ sampleRateHz: SAMPLE_RATE_HZ, noiseReduction }, {
        frame: (frame) => this.frame(frame),
        ended: () => this.end({ phase: 'ended', micGone: true }),
      }, this.giveUp.signal)
      if (this.over) return mic.close()
      this.mic = mic
    } catch (error) {
      return this.end({ phase: 'failed', code: error instanceof MicError ? error.trouble : 'micUnsupported' })
    }
    this.tell({ phase: 'connecting' })
    try {
      const { talk } = await rpc('talk.start', this.channel)
      if (this.over) return this.hangUp(talk)
      this.talk = talk
      this.tell({ phase: 'talking', sinceMs: clock.utc() })
    } catch (error) {
      this.end({ phase: 'failed', code: asApiError(error).code })
    }
  }

  stop(): void {
    this.end({ phase: 'ended' })
  }

  private frame(frame: Int16Array): void {
    if (this.over) return
    const level = loudness(frame)
    this.state = { ...this.state, level }
    this.setup.level?.(level)
    if (this.talk === null) return
    this.waiting.push(frame)
    while (this.waiting.length > 1 && this.waiting.length + this.framesOut > FRAMES) this.waiting.shift()
    this.send()
  }

  /**
   * Everything that waits goes as one, so that a slow moment is made up for; one request at a time, since two could
   * overtake each other.
   */
  private send(): void {
    if (this.talk === null || this.onItsWay || this.waiting.length === 0) return
    const frames = this.waiting.splice(0)
    this.onItsWay = true
    this.framesOut += frames.length
    this.setup.rpc('talk.send', { talk: this.talk, pcm: base64Pcm(frames) }).then(() => {
      this.onItsWay = false
      this.framesOut -= frames.length
      this.send()
    }, (error: unknown) => this.end({ phase: 'failed', code: asApiError(error).code }))
  }

  private end(how: Partial<CallView>): void {
    if (this.over) return
    const { talk } = this
    this.talk = null
    this.waiting.length = 0
    this.giveUp.abort()
    this.mic?.close()
    this.mic = null
    if (talk !== null) this.hangUp(talk)
    this.tell({ ...how, level: 0 })
  }

  /** Also when the page goes away meanwhile. What is lost on the way the core finds out by itself. */
  private hangUp(talk: string): void {
    this.setup.rpc('talk.stop', { talk }, true).catch(() => undefined)
  }

  private tell(change: Partial<CallView>): void {
    this.state = { ...this.state, ...change }
    this.setup.changed(this.state)
  }
}

/** Little-endian, whatever the machine. */
function base64Pcm(frames: readonly Int16Array[]): string {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + 2 * frame.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const frame of frames) {
    for (const sample of frame) {
      view.setInt16(at, sample, true)
      at += 2
    }
  }
  return base64Of(bytes)
}
