/** The video wall as the page uses it. Framework-free: give it an element, channels and a way to call the core. */
import type { Profile, StreamChoice } from '@/api/generated'
import { pageConnection } from '@/media/carrier'
import { systemClock, type Clock } from '@/media/clock'
import type { Quality } from '@/media/jitter'
import type { Picture } from '@/media/sinks/sink'
import { createDecoder } from '@/media/sound/decoder'
import { SoundPlayer } from '@/media/sound/player'
import { type Speaker, WebSpeaker } from '@/media/sound/speaker'
import type { Weight } from './budget'
import { type Captured, Captures } from './capture'
import { Economy } from './economy'
import { chosen, type Thrift, wish } from './choice'
import { listenForGestures, type CarryHandlers } from './gestures'
import { clampPage, layoutRects, pageCount, pageIndices, pageOf, rectAt, type LayoutCount, type Rect } from './layout'
import { type Look, PLAIN } from './look'
import type { WallOptions } from './options'
import { WallRenderer } from './renderer'
import { noteShown, type Recorded, replayFrom } from './replay'
import { Streams } from './streams'
import { Ticker } from './ticker'
import { emptyView, WallTile, type TileStats, type TileStream, type WallChannel } from './tile'
import { isWhole, visiblePart, WHOLE } from './zoom'
import { magnification, sizeOf, Zooming } from './zooming'

export type { Thrift } from './choice'
export type { LayoutCount } from './layout'
export type { WallOptions } from './options'
export type { TileStats, TileView, WallChannel } from './tile'

const TICK_MS = 250
/** A page that was only brushed is still there when the finger goes back. */
const PAGE_LINGER_MS = 1500
/** The other windows of an enlarged one: long enough for a look, short enough not to pay for what nobody sees. */
const ENLARGED_LINGER_MS = 8000
/** The main stream after restoring, should the sub stream not come. */
const MAIN_LINGER_MS = 5000

const REAL_TIME: Quality = { mode: 'realTime', delayMs: 0 }

export class Wall {
  private readonly options: WallOptions
  private readonly clock: Clock
  private readonly renderer: WallRenderer
  private readonly streams: Streams
  private readonly economy = new Economy()
  private readonly captures: Captures
  private readonly stopGestures: () => void
  private readonly zooming: Zooming
  /** For measurements, as `stats` is. */
  readonly sound: SoundPlayer
  readonly speaker: Speaker
  private heard: WallTile | null = null
  private tiles: WallTile[] = []
  /** Positions on the wall up to the last that holds a channel; empty windows between them count. */
  private places = 0
  private layout: LayoutCount
  private page = 0
  private selected: number | null = null
  private enlarged: number | null = null
  private active = true
  private away = false
  private thrift: Thrift = 'all'
  private nextId = 1
  private readonly ticker: Ticker
  private emitQueued = false
  private rects: Rect[] = []
  private lastPage = ''
  private destroyed = false
  private choiceOf: (channel: WallChannel) => StreamChoice = () => 'auto'

  constructor(options: WallOptions) {
    this.options = options
    this.layout = options.layout
    const environment = options.environment ?? {}
    this.clock = environment.clock ?? systemClock
    this.captures = new Captures(this.clock, environment.encode)
    this.ticker = new Ticker(this.clock, TICK_MS, (lateMs) => {
      this.streams.tick(lateMs)
      this.balance(lateMs)
      this.changed()
    })
    this.renderer = new WallRenderer(options.mount, {
      presented: (id, picture) => this.presented(id, picture),
      dropped: (id) => {
        const tile = this.tiles.find((t) => t.id === id)
        if (tile !== undefined) tile.stats.overtaken++
      },
      emptied: () => {
        for (const tile of this.tiles) tile.hasPicture = false
        this.changed()
      },
    }, environment.renderer)
    this.speaker = environment.speaker ?? new WebSpeaker(() => this.changed())
    this.sound = new SoundPlayer({ clock: this.clock, speaker: this.speaker, createDecoder, changed: () => this.changed() })
    this.streams = new Streams({
      rpc: options.rpc,
      clock: this.clock,
      connection: environment.connection ?? pageConnection(),
      ...(environment.createSink && { createSink: environment.createSink }),
      ...(environment.canDecode && { canDecode: environment.canDecode }),
      ...(environment.soundFormats && { soundFormats: environment.soundFormats }),
    }, {
      picture: (tile, stream, picture) => this.picture(tile, stream, picture),
      unsupported: (tile, stream) => this.unsupported(tile, stream),
      sound: (message) => this.sound.message(message),
      soundRestarted: () => this.sound.restart(),
      changed: () => this.changed(),
      mayUseHardware: (tile) => this.economy.mayUseHardware(tile),
      lost: (tile, stream, loss, explicit) => void this.economy.lost(tile, stream, this.tiles, loss, explicit, this.clock.now()),
    })
    this.streams.hardDecoding = options.hardDecoding
    this.stopGestures = listenForGestures(options.mount, {
      tap: (x, y) => {
        const index = this.indexAt(x, y)
        if (index !== null) this.select(index)
      },
      doubleTap: (x, y) => {
        const index = this.indexAt(x, y)
        if (index !== null && this.zoomOf(index) > 1) this.resetZoom(index)
        else this.enlarge(this.enlarged === null ? index : null)
      },
      swipe: (direction) => {
        if (this.enlarged === null && !this.zooming.claimed) this.setPage(this.page + direction)
      },
      ...(options.carry && { carry: this.carrying(options.carry) }),
    })
    // Behind the taps: of the two this one says what the browser may do with fingers.
    this.zooming = new Zooming(options.mount, {
      tileAt: (x, y) => {
        const tile = this.tileOf(this.indexAt(x, y) ?? -1)
        return tile?.hasPicture === true ? tile : null
      },
      show: (tile) => this.show(tile),
      turned: (tile) => options.onLook?.(tile.channel, tile.look),
    })
    window.__bartizanWall = this
    this.resize()
  }

  /** Who is in which window, over all pages; null leaves one empty. Channels keep their streams where they go. */
  setChannels(channels: readonly (WallChannel | null)[]): void {
    const old = new Map(this.tiles.map((tile) => [key(tile.channel), tile]))
    this.places = channels.length
    this.tiles = channels.flatMap((channel, index) => {
      if (channel === null) return []
      const tile = old.get(key(channel))
      if (tile === undefined || !old.delete(key(channel))) return [this.newTile(index, channel)]
      tile.index = index
      tile.channel = channel
      return [tile]
    })
    for (const gone of old.values()) {
      for (const profile of [...gone.streams.keys()]) this.streams.stop(gone, profile, 0, false)
      this.renderer.remove(gone.id)
      this.captures.end(gone.id)
    }
    if (this.enlarged !== null && this.tileOf(this.enlarged) === undefined) this.enlarged = null
    if (this.selected !== null && pageOf(this.selected, this.layout) >= this.pages) this.selected = null
    this.reconcile(PAGE_LINGER_MS)
  }

  setLayout(count: LayoutCount): void {
    if (count === this.layout) return
    const anchor = this.enlarged ?? this.selected ?? this.page * this.layout
    this.layout = count
    this.enlarged = null
    this.page = pageOf(anchor, count)
    this.reconcile(PAGE_LINGER_MS)
  }

  setPage(page: number): void {
    const to = clampPage(page, this.pages)
    if (to === this.page && this.enlarged === null) return
    this.page = to
    this.enlarged = null
    if (this.selected !== null && pageOf(this.selected, this.layout) !== to) this.selected = null
    this.reconcile(PAGE_LINGER_MS)
  }

  select(index: number | null): void {
    if (this.selected === index) return
    this.selected = index
    this.changed()
  }

  enlarge(index: number | null): void {
    const to = index !== null && this.tileOf(index) !== undefined ? index : null
    if (to === this.enlarged) return
    this.enlarged = to
    if (to !== null) {
      this.selected = to
      this.page = pageOf(to, this.layout)
    }
    this.reconcile(ENLARGED_LINGER_MS)
  }

  setHardDecoding(on: boolean): void {
    if (on === this.streams.hardDecoding) return
    this.streams.hardDecoding = on
    for (const tile of this.tiles) tile.unsupported.clear()
    this.economy.budget.reset()
    this.streams.reopenAll()
    this.reconcile(0)
  }

  /** Asks again which quality mode each channel has; it counts at once. */
  refreshQuality(): void {
    for (const tile of this.tiles) {
      const quality = this.qualityOf(tile.channel)
      if (quality.mode === tile.quality.mode && quality.delayMs === tile.quality.delayMs) continue
      tile.quality = quality
      tile.stats.forgetLags()
      for (const { player } of tile.streams.values()) player.setQuality(quality)
    }
    this.changed()
  }

  /** False while the page is hidden: no decoders and no streams, but the session and the last pictures stay. */
  setActive(on: boolean): void {
    if (on === this.active) return
    this.active = on
    this.reconcile(0)
  }

  /** The page goes to the background: no decoder and no picture outside the canvas is left when this returns. */
  leave(): void {
    if (this.away) return
    this.away = true
    this.streams.leave()
    this.renderer.release()
    this.reconcile(0)
  }

  /** In front again: the last pictures are there, and every visible window opens, the one looked at first. */
  comeBack(): void {
    if (!this.away) return
    this.away = false
    this.streams.comeBack()
    this.resize()
  }

  /** Spares a network that costs by the byte; the last pictures stay. */
  setThrift(thrift: Thrift): void {
    if (thrift === this.thrift) return
    this.thrift = thrift
    this.reconcile(0)
  }

  /** Stops or starts the streams of one window, or of all; the last picture stays. */
  setPaused(index: number | null, on: boolean): void {
    for (const tile of this.tiles) if (index === null || tile.index === index) tile.paused = on
    this.reconcile(0)
  }

  /** Plays in a window what its device recorded from a moment on, microseconds since 1970 UTC; null for live video. */
  setReplay(index: number, fromUs: number | null): void {
    const tile = this.tileOf(index)
    if (tile === undefined) return
    tile.replay = fromUs === null ? null : replayFrom(fromUs)
    this.captures.end(tile.id)
    tile.paused = false
    tile.unsupported.clear()
    for (const profile of [...tile.streams.keys()]) this.streams.stop(tile, profile, 0, false)
    this.reconcile(0)
  }

  /** The moment on screen of a window that plays a recording, and where that comes in; null where none plays. */
  recorded(index: number): Recorded | null {
    const tile = this.tileOf(index)
    const playing = tile === undefined ? null : this.streams.placeOf(tile, 'main')
    return playing === null || tile?.replay?.shown !== true ? null : { ...playing, fromUs: tile.replay.atUs }
  }

  /**
   * Gives the next pictures of what a window shows now, in full size and a quarter of a second apart; fewer or none once it
   * shows something else.
   */
  capturing(index: number): (count: number) => Promise<Captured[]> {
    const tile = this.tileOf(index)
    const replay = tile?.replay
    return async (count) =>
      tile === undefined || tile.replay !== replay || !this.tiles.includes(tile) ? [] : this.captures.take(tile.id, count)
  }

  /** The user wants all pictures of a window, whatever the others lose for it; or leaves it to the wall again. */
  setKept(index: number, on: boolean): void {
    const tile = this.tileOf(index)
    if (tile === undefined) return
    this.economy.keep(tile, on)
    this.balance(0)
  }

  /** Which stream each channel's window takes, where its user chose one. */
  setChoices(choiceOf: (channel: WallChannel) => StreamChoice): void {
    this.choiceOf = choiceOf
    for (const tile of this.tiles) tile.choice = choiceOf(tile.channel)
    this.reconcile(0)
  }

  retry(index: number): void {
    const tile = this.tileOf(index)
    if (tile === undefined) return
    tile.unsupported.clear()
    const stream = tile.streams.get(tile.target)
    if (stream !== undefined) this.streams.retry(stream)
    this.reconcile(0)
  }

  /** Lets one window be heard and no other; null for silence. Call it within the user's gesture. */
  listen(index: number | null): void {
    const tile = index === null ? null : this.tileOf(index) ?? null
    this.heard = tile
    if (tile === null) this.sound.stop()
    else this.sound.start()
    this.hear()
    this.changed()
  }

  /** Shows a window brighter, turned, mirrored, straightened …, without touching its device. */
  setLook(index: number, look: Readonly<Look>): void {
    const tile = this.tileOf(index)
    if (tile === undefined) return
    const { width, height } = sizeOf(tile)
    tile.look = { ...look }
    const now = sizeOf(tile)
    // What was in the middle is somewhere else in another shape.
    if (now.width * height !== now.height * width) tile.zoom = WHOLE
    this.show(tile)
    if (tile.index === this.enlarged || this.layout === 1) this.reconcile(PAGE_LINGER_MS)
  }

  /** Whether fisheye pictures can be straightened here. */
  get dewarps(): boolean {
    return this.renderer.dewarps
  }

  /** 1..8: how many times closer a window is than when it shows all it can. */
  zoomOf(index: number): number {
    const tile = this.tileOf(index)
    return tile === undefined ? 1 : magnification(tile)
  }

  /** The twin of a pinch: `factor` times closer about the middle of the window. */
  zoomBy(index: number, factor: number): void {
    const tile = this.tileOf(index)
    if (tile !== undefined) this.zooming.step(tile, factor)
  }

  /** The twin of a drag, in steps to the right and down; false when the window already shows all there is. */
  panBy(index: number, right: number, down: number): boolean {
    const tile = this.tileOf(index)
    return tile !== undefined && this.zooming.nudge(tile, right, down)
  }

  resetZoom(index: number): void {
    const tile = this.tileOf(index)
    if (tile !== undefined) this.zooming.reset(tile)
  }

  /** Where the picture of a window is within the wall, CSS pixels; null while it is hidden or has no picture. */
  pictureBox(index: number): Rect | null {
    const tile = this.tileOf(index)
    if (tile === undefined || tile.rect === null || tile.width === 0) return null
    return visiblePart(tile.zoom, tile.rect, sizeOf(tile)).box
  }

  networkChanged(): void {
    this.streams.networkChanged()
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.options.mount
    this.renderer.resize(clientWidth, clientHeight)
    this.reconcile(PAGE_LINGER_MS)
  }

  stats(): TileStats[] {
    const now = this.clock.now()
    return this.tiles.map((tile) => tile.tileStats(now, this.economy.of(tile, this.wantsMain(tile))))
  }

  /** How the canvas is drawn, for benchmarks. */
  get drawing(): { path: string; software: boolean; width: number; height: number } {
    const { path, software, canvas } = this.renderer
    return { path, software, width: canvas.width, height: canvas.height }
  }

  destroy(): void {
    this.destroyed = true
    this.sound.stop()
    this.zooming.stop()
    this.stopGestures()
    this.streams.destroy()
    this.renderer.destroy()
    this.ticker.set(false)
    if (window.__bartizanWall === this) delete window.__bartizanWall
  }

  private get pages(): number {
    return pageCount(this.places, this.layout)
  }

  private tileOf(index: number): WallTile | undefined {
    return this.tiles.find((tile) => tile.index === index)
  }

  /** Brings windows, streams and the renderer to what page, layout, enlargement and activity say. */
  private reconcile(lingerMs: number): void {
    if (this.destroyed) return
    this.page = clampPage(this.page, this.pages)
    const { clientWidth: width, clientHeight: height } = this.options.mount
    const one = this.enlarged !== null || this.layout === 1
    const single = this.tileOf(this.enlarged ?? this.page)
    const shape = one && single !== undefined && single.width > 0 ? sizeOf(single) : undefined
    const aspect = shape === undefined ? undefined : shape.width / shape.height
    this.rects = layoutRects(this.enlarged !== null ? 1 : this.layout, width, height, aspect)
    const indices = this.enlarged !== null ? [this.enlarged] : pageIndices(this.page, this.layout)
    for (const tile of this.tiles) {
      const at = indices.indexOf(tile.index)
      tile.rect = at < 0 ? null : this.rects[at] ?? null
    }
    wish(this.tiles, this.thrift, window.devicePixelRatio || 1)
    for (const tile of this.focusedFirst()) {
      this.renderer.place(tile.id, tile.rect)
      // Whoever comes back to a window expects all of it.
      if (tile.rect === null && !isWhole(tile.zoom)) {
        tile.zoom = WHOLE
        this.renderer.zoom(tile.id, WHOLE)
      }
      this.reconcileStreams(tile, lingerMs)
    }
    this.ticker.set(this.active && !this.away && this.tiles.length > 0)
    const page = `${this.page}/${this.pages}`
    if (page !== this.lastPage) {
      this.lastPage = page
      this.options.onPage(this.page, this.pages)
    }
    this.changed()
  }

  /** Who is looked at is served first. */
  private focusedFirst(): WallTile[] {
    const focused = this.tileOf(this.enlarged ?? this.selected ?? -1)
    return focused === undefined ? this.tiles : [focused, ...this.tiles.filter((tile) => tile !== focused)]
  }

  /** A finger that has picked a window up does not move its picture as well. */
  private carrying(carry: CarryHandlers): CarryHandlers {
    return {
      ...carry,
      lift: (x, y) => {
        const lifted = carry.lift(x, y)
        if (lifted) this.zooming.release()
        return lifted
      },
    }
  }

  private newTile(index: number, channel: WallChannel): WallTile {
    const tile = new WallTile(this.nextId++, index, channel, this.qualityOf(channel))
    tile.look = this.options.lookOf?.(channel) ?? PLAIN
    tile.choice = this.choiceOf(channel)
    this.renderer.look(tile.id, tile.look)
    return tile
  }

  private qualityOf(channel: WallChannel): Readonly<Quality> {
    return this.options.qualityOf?.(channel) ?? REAL_TIME
  }

  /** Looked at so closely that only the main stream will do. */
  private isClose(tile: WallTile): boolean {
    if (tile.channel.hasSub && chosen(tile.choice) === 'sub') return false
    return tile.index === this.enlarged || !isWhole(tile.zoom) || (this.layout === 1 && tile.look.fisheye !== null)
  }

  private show(tile: WallTile): void {
    this.renderer.look(tile.id, tile.look)
    this.renderer.zoom(tile.id, tile.zoom)
    this.reconcileStreams(tile, PAGE_LINGER_MS)
    this.changed()
  }

  private wantsMain(tile: WallTile): boolean {
    return tile.replay !== null || tile.base === 'main' || (this.isClose(tile) && this.thrift === 'all' && !tile.unsupported.has('main'))
  }

  private weightOf(tile: WallTile): Weight {
    if (this.isClose(tile) || this.options.attends?.(tile.channel) === true) return 'close'
    return tile.index === this.selected ? 'favoured' : 'plain'
  }

  /** Measures what the windows cost and gives each what the device can. */
  private balance(lateMs: number): void {
    const changed = this.economy.tick(this.tiles, {
      now: this.clock.now(), lateMs, frameDelayMs: this.renderer.frameDelayMs,
      weight: (tile) => this.weightOf(tile),
      focus: (tile) => tile.index === this.selected || tile.index === this.enlarged,
      wantsMain: (tile) => this.wantsMain(tile),
    })
    if (!changed) return
    for (const tile of this.tiles) {
      this.reconcileStreams(tile, PAGE_LINGER_MS)
      this.streams.redeal(tile)
    }
  }

  private wantedOf(tile: WallTile): Set<Profile> {
    const wanted = new Set<Profile>()
    if (tile.replay !== null) {
      if (this.mayPlay(tile) && tile.rect !== null && !tile.paused) wanted.add('main')
    } else if (this.mayPlay(tile) && tile.rect !== null && !tile.paused) {
      const mayHaveMain = this.economy.mayHaveMain(tile)
      wanted.add(mayHaveMain ? tile.base : tile.least)
      if (this.wantsMain(tile) && mayHaveMain) wanted.add('main')
    }
    return wanted
  }

  private reconcileStreams(tile: WallTile, lingerMs: number): void {
    const wanted = this.wantedOf(tile)
    if (wanted.size > 0) tile.target = wanted.has('main') ? 'main' : 'sub'
    for (const profile of wanted) this.streams.start(tile, profile)
    for (const stream of tile.streams.values()) this.streams.setPace(stream, this.economy.paceOf(tile))
    for (const profile of [...tile.streams.keys()]) {
      if (wanted.has(profile)) continue
      const paused = !this.mayPlay(tile) || tile.paused
      // On screen still, so it stays until the wanted one has its first picture.
      const bridging = wanted.size > 0 && tile.shown === profile
      this.streams.stop(tile, profile, paused ? 0 : bridging ? MAIN_LINGER_MS : wanted.size > 0 ? 0 : lingerMs, paused)
    }
  }

  private mayPlay(tile: WallTile): boolean {
    // Recordings come as large as they were made.
    const small = tile.base === 'sub' && tile.replay === null
    return this.active && !this.away && (this.thrift === 'all' || (this.thrift === 'sub' && small))
  }

  private picture(tile: WallTile, stream: TileStream, picture: Picture): void {
    const isTarget = stream.profile === tile.target
    if (tile.rect === null || (!isTarget && stream.profile !== tile.shown)) {
      picture.close()
      return
    }
    if (isTarget && tile.shown !== stream.profile) {
      const before = tile.shown
      tile.shown = stream.profile
      if (before !== null && !this.wantedOf(tile).has(before)) this.streams.stop(tile, before, 0, false)
      this.changed()
    }
    this.renderer.push(tile.id, picture)
  }

  private presented(id: number, picture: Picture): void {
    const tile = this.tiles.find((t) => t.id === id)
    if (tile === undefined) return
    const utc = this.clock.utc()
    const known = picture.arrivalUs > 0
    tile.arrivedAtMs = known ? picture.arrivalUs / 1000 : utc
    if (tile === this.heard) this.sound.shown(picture.ptsUs)
    if (tile.replay !== null) noteShown(tile.replay, tile.streams.get('main')?.player.state.config?.recordedUs, picture.ptsUs)
    if (tile.replay?.shown !== false) this.captures.shown(tile.id, picture, tile.replay?.atUs ?? Math.round(tile.arrivedAtMs * 1000))
    tile.stats.present(this.clock.now(), known ? utc - tile.arrivedAtMs : null, picture.lateMs)
    const resized = tile.width !== picture.width || tile.height !== picture.height
    tile.width = picture.width
    tile.height = picture.height
    if (!tile.hasPicture || resized) {
      tile.hasPicture = true
      this.changed()
    }
    if (resized && (tile.index === this.enlarged || this.layout === 1)) this.reconcile(PAGE_LINGER_MS)
  }

  private unsupported(tile: WallTile, stream: TileStream): void {
    if (tile.replay !== null) return
    const other: Profile = stream.profile === 'main' ? 'sub' : 'main'
    if ((other === 'sub' && !tile.channel.hasSub) || tile.unsupported.has(other)) return
    tile.unsupported.add(stream.profile)
    // Not from within the player's own transition.
    queueMicrotask(() => this.reconcile(0))
  }

  /** The sound goes with the picture of its window: to the other stream, and away with the window. */
  private hear(): void {
    const tile = this.heard
    const gone = tile !== null && (!this.tiles.includes(tile) || tile.rect === null || tile.replay !== null)
    if (gone) {
      this.heard = null
      this.sound.stop()
    }
    const heard = this.heard
    const shown = heard?.shown == null ? undefined : heard.streams.get(heard.shown)
    this.streams.listen(heard === null ? null : shown ?? heard.current ?? null)
  }

  /** The window at a point within the mount, CSS pixels. */
  indexAt(x: number, y: number): number | null {
    const at = rectAt(this.rects, x, y)
    if (at === null) return null
    return this.enlarged ?? this.page * this.layout + at
  }

  /** Tells the page once, after whatever is going on has finished. */
  private changed(): void {
    if (this.emitQueued || this.destroyed) return
    this.emitQueued = true
    queueMicrotask(() => {
      this.emitQueued = false
      if (!this.destroyed) this.emit()
    })
  }

  private emit(): void {
    this.hear()
    const now = this.clock.now()
    const utc = this.clock.utc()
    const views = this.tiles.map((tile) => {
      this.renderer.grey(tile.id, tile.hasPicture && !tile.isLive)
      return tile.view(this.mayPlay(tile), now, utc, tile.index === this.selected, tile.index === this.enlarged, this.economy.of(tile, this.wantsMain(tile)))
    })
    if (this.enlarged === null) {
      this.rects.forEach((rect, at) => {
        const index = this.page * this.layout + at
        if (this.tileOf(index) === undefined) views.push(emptyView(index, rect, index === this.selected))
      })
    }
    this.options.onSound?.(this.heard?.channel ?? null, this.sound.view)
    this.options.onViews(views)
  }
}

function key(channel: WallChannel): string {
  return `${channel.channel} ${channel.device}`
}
