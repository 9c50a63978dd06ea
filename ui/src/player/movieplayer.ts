/** A recording on a canvas: the engine, the session it reads over, the renderer of the wall, and fingers that zoom. */
import type { MovieInfo } from '@/api/generated'
import { systemClock } from '@/media/clock'
import type { ConnectionSetup } from '@/media/carrier'
import { PicturesDecoder, WebCodecsDecoder } from '@/media/playback/decoder'
import { type EngineState, PlayerEngine } from '@/media/playback/engine'
import { PlaybackSession } from '@/media/playback/session'
import { MovieSound, type MovieSoundPhase } from '@/media/playback/sound'
import { createDecoder } from '@/media/sound/decoder'
import { WebSpeaker } from '@/media/sound/speaker'
import { DecodeProbe } from '@/media/sinks/probe'
import type { Picture } from '@/media/sinks/sink'
import { toJpeg } from '@/wall/jpeg'
import { WallRenderer } from '@/wall/renderer'
import type { Rpc } from '@/wall/streams'
import { clampZoom, isWhole, PAN_STEP, panBy, pinched, settled, WHOLE, ZOOM_STEP, type Zoom } from '@/wall/zoom'
import { listenForZoom, type ZoomListener } from '@/wall/zoomgestures'

/** The renderer has one window here. */
const TILE = 0
const probe = new DecodeProbe()
/** As it was left in the recording before. */
let muted = false

export interface MoviePlayerSetup {
  mount: HTMLElement
  rpc: Rpc
  connection: Omit<ConnectionSetup, 'connect' | 'clock'>
  hardDecoding: boolean
  /** Something of `state`, `zoom`, `soundPhase` or `presentedUs` changed; at most once a frame of the screen. */
  changed(): void
}

export class MoviePlayer {
  readonly state: EngineState
  readonly info: MovieInfo
  zoom: Zoom = WHOLE
  /** When the picture is shown that is on the canvas now, µs. */
  presentedUs: number | null = null
  /** Pictures drawn so far. */
  presented = 0
  private readonly engine: PlayerEngine
  private readonly speaker = new WebSpeaker(() => { this.dirty = true })
  private readonly sound: MovieSound | null
  private readonly renderer: WallRenderer
  private readonly session: PlaybackSession
  private readonly setup: MoviePlayerSetup
  private readonly zoomListener: ZoomListener
  private readonly observer: ResizeObserver
  private size = { width: 0, height: 0 }
  private frame: number
  private dirty = true
  private lastAt = -1
  private pinch: Zoom = WHOLE
  private closed = false
  private waiting: { us: number | null; done: (us: number) => void }[] = []

  /** Opens a recording and shows its first picture. */
  static async open(id: string, setup: MoviePlayerSetup): Promise<MoviePlayer> {
    const session = new PlaybackSession({ rpc: setup.rpc, clock: systemClock, connection: setup.connection })
    try {
      const info = await session.info(id)
      const avc = /^avc/i.test(info.codec)
      // A person who turned Hard decoding off wants the core's decoder, where it has one.
      const encoded = !avc || (setup.hardDecoding && await probe.check(info.codec))
      if (!avc && !(await probe.check(info.codec))) throw Object.assign(new Error(), { code: 'unsupportedCodec', detail: info.codec })
      return new MoviePlayer(id, info, encoded, session, setup)
    } catch (error) {
      session.close()
      throw error
    }
  }

  private constructor(id: string, info: MovieInfo, encoded: boolean, session: PlaybackSession, setup: MoviePlayerSetup) {
    this.info = info
    this.session = session
    this.setup = setup
    this.renderer = new WallRenderer(setup.mount, {
      presented: (_, picture) => this.onPresented(picture),
      dropped: () => undefined,
    })
    this.engine = new PlayerEngine({
      clock: systemClock,
      source: session.of(id),
      info,
      delivery: encoded ? 'encoded' : 'pictures',
      createDecoder: (config, events) => config.delivery === 'pictures' ? new PicturesDecoder(config, events) : new WebCodecsDecoder(config, events),
      show: (picture) => this.renderer.push(TILE, picture),
      changed: () => { this.dirty = true },
    })
    this.state = this.engine.state
    this.sound = info.sound ? new MovieSound({
      speaker: this.speaker,
      createDecoder,
      read: (fromUs, toUs) => setup.rpc('play.sound', { id, fromUs, toUs }),
      durationUs: info.durationUs,
      changed: () => { this.dirty = true },
    }) : null
    if (muted) this.sound?.setOn(false)
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(setup.mount)
    this.resize()
    this.zoomListener = listenForZoom(setup.mount, {
      pans: () => !isWhole(this.zoom),
      begin: () => {
        this.pinch = this.zoom
        return true
      },
      pinch: (factor, from, to) => this.setZoom(pinched(this.pinch, factor, from, to, this.size, this.info)),
      pan: (dx, dy) => this.setZoom(panBy(this.zoom, dx, dy, this.size, this.info)),
      end: () => this.setZoom(settled(this.zoom)),
    })
    this.frame = window.requestAnimationFrame(() => this.tick())
    void this.engine.seek(0)
  }

  get durationUs(): number {
    return this.engine.durationUs
  }

  /** The fingers that were just lifted have zoomed or moved the picture. */
  get claimed(): boolean {
    return this.zoomListener.claimed
  }

  pause = (): void => this.engine.pause()
  step = (by: 1 | -1): void => this.engine.step(by)
  scrub = (us: number): void => this.engine.scrub(us)
  setRate = (rate: EngineState['rate']): void => this.engine.setRate(rate)
  nudgeRate = (by: 1 | -1): void => this.engine.nudgeRate(by)

  /** What its sound is doing; null where it has none. */
  get soundPhase(): MovieSoundPhase | null {
    return this.sound?.phase ?? null
  }

  /** The loudest frequency that is heard; for measurements. */
  heard(): { hz: number; db: number } | null {
    return this.speaker.loudest()
  }

  /** Call these three within a gesture, so that the sound may be heard. */
  toggleSound(): void {
    muted = this.soundPhase === 'on'
    this.sound?.setOn(!muted)
  }

  play(): void {
    this.sound?.open()
    this.engine.play()
  }

  toggle(): void {
    this.sound?.open()
    this.engine.toggle()
  }

  /** Shows the picture of that time; tells when that picture is on the canvas. */
  seek(us: number): Promise<number> {
    return new Promise((done) => {
      const waiter: { us: number | null; done: (us: number) => void } = { us: null, done }
      this.waiting.push(waiter)
      void this.engine.seek(us).then(() => {
        waiter.us = this.state.shownUs
        if (this.state.shownUs === null || this.presentedUs === this.state.shownUs || this.closed) this.answer(this.presentedUs ?? 0)
      })
    })
  }

  skip(seconds: number): void {
    void this.seek(this.state.atUs + seconds * 1e6)
  }

  zoomBy(steps: 1 | -1): void {
    const middle = { x: this.size.width / 2, y: this.size.height / 2 }
    this.setZoom(settled(pinched(this.zoom, ZOOM_STEP ** steps, middle, middle, this.size, this.info)))
  }

  zoomReset(): void {
    this.setZoom(WHOLE)
  }

  /** False when all of the picture is seen. */
  nudge(right: number, down: number): boolean {
    if (isWhole(this.zoom)) return false
    this.setZoom(panBy(this.zoom, -right * PAN_STEP * this.size.width, -down * PAN_STEP * this.size.height, this.size, this.info))
    return true
  }

  /** The picture on the screen in full size. */
  async jpeg(): Promise<{ us: number; blob: Blob } | null> {
    const held = this.engine.hold()
    if (held === null) return null
    try {
      const blob = await toJpeg(held.picture)
      return blob === null ? null : { us: held.us, blob }
    } finally {
      held.picture.close()
    }
  }

  close(): void {
    this.closed = true
    window.cancelAnimationFrame(this.frame)
    this.observer.disconnect()
    this.zoomListener.stop()
    this.engine.close()
    this.sound?.close()
    this.renderer.destroy()
    this.session.close()
    this.answer(this.presentedUs ?? 0)
  }

  private setZoom(zoom: Zoom): void {
    this.zoom = clampZoom(zoom, this.size, this.info)
    this.renderer.zoom(TILE, this.zoom)
    this.dirty = true
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.setup.mount
    if (width === 0 || height === 0) return
    this.size = { width, height }
    this.renderer.resize(width, height)
    this.renderer.place(TILE, { x: 0, y: 0, width, height })
    this.setZoom(this.zoom)
  }

  private tick(): void {
    this.frame = window.requestAnimationFrame(() => this.tick())
    this.engine.tick()
    this.sound?.follow(this.state)
    // The hand of the time line needs no more than this.
    if (!this.dirty && Math.abs(this.state.atUs - this.lastAt) < 50_000) return
    this.dirty = false
    this.lastAt = this.state.atUs
    this.setup.changed()
  }

  private onPresented(picture: Picture): void {
    this.presentedUs = picture.ptsUs
    this.presented++
    this.dirty = true
    if (this.presentedUs !== null) this.answer(this.presentedUs)
  }

  private answer(us: number): void {
    // While it plays a later picture may overtake the one that was waited for.
    const due = this.waiting.filter((waiter) => this.closed || waiter.us === us || (waiter.us !== null && this.state.playing))
    this.waiting = this.waiting.filter((waiter) => !due.includes(waiter))
    for (const { done } of due) done(us)
  }
}
