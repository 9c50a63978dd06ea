/** The video wall as the page uses it. Framework-free: give it an element, channels and a way to call the core. */
import type { Profile } from '@/api/generated'
import { systemClock, type Clock } from '@/media/clock'
import type { Picture } from '@/media/sinks/sink'
import { listenForGestures, type CarryHandlers } from './gestures'
import { clampPage, contain, layoutRects, pageCount, pageIndices, pageOf, rectAt, type LayoutCount, type Rect } from './layout'
import type { Look } from './look'
import { WallRenderer, type RendererOptions } from './renderer'
import { Streams, type Rpc, type StreamsSetup } from './streams'
import { emptyView, WallTile, type TileStats, type TileStream, type TileView, type WallChannel } from './tile'

export type { LayoutCount } from './layout'
export type { TileStats, TileView, WallChannel } from './tile'

export interface WallOptions {
  mount: HTMLElement
  rpc: Rpc
  hardDecoding: boolean
  layout: LayoutCount
  /** At most four times a second, and at once when a phase or the layout changes. */
  onViews(views: TileView[]): void
  onPage(page: number, pages: number): void
  /** Who carries windows from place to place. */
  carry?: CarryHandlers
  /** For tests and benchmarks. */
  environment?: Partial<Omit<StreamsSetup, 'rpc'>> & { renderer?: RendererOptions }
}

const TICK_MS = 250
/** A page that was only brushed is still there when the finger goes back. */
const PAGE_LINGER_MS = 1500
/** The other windows of an enlarged one: long enough for a look, short enough not to pay for what nobody sees. */
const ENLARGED_LINGER_MS = 8000
/** The main stream after restoring, should the sub stream not come. */
const MAIN_LINGER_MS = 5000

export class Wall {
  private readonly options: WallOptions
  private readonly clock: Clock
  private readonly renderer: WallRenderer
  private readonly streams: Streams
  private readonly stopGestures: () => void
  private tiles: WallTile[] = []
  /** Positions on the wall up to the last that holds a channel; empty windows between them count. */
  private places = 0
  private layout: LayoutCount
  private page = 0
  private selected: number | null = null
  private enlarged: number | null = null
  private active = true
  private nextId = 1
  private tickTimer: number | null = null
  private emitQueued = false
  private rects: Rect[] = []
  private lastPage = ''
  private destroyed = false

  constructor(options: WallOptions) {
    this.options = options
    this.layout = options.layout
    const environment = options.environment ?? {}
    this.clock = environment.clock ?? systemClock
    this.renderer = new WallRenderer(options.mount, {
      presented: (id, picture) => this.presented(id, picture),
      dropped: (id) => {
        const tile = this.tiles.find((t) => t.id === id)
        if (tile !== undefined) tile.stats.overtaken++
      },
    }, environment.renderer)
    this.streams = new Streams({
      rpc: options.rpc,
      clock: this.clock,
      connection: environment.connection ?? {
        openSocket: typeof WebSocket === 'undefined' ? null : (url) => new WebSocket(url),
        fetch: (url) => fetch(url, { cache: 'no-store' }),
        random: Math.random,
      },
      ...(environment.createSink && { createSink: environment.createSink }),
      ...(environment.canDecode && { canDecode: environment.canDecode }),
    }, {
      picture: (tile, stream, picture) => this.picture(tile, stream, picture),
      unsupported: (tile, stream) => this.unsupported(tile, stream),
      changed: () => this.changed(),
    })
    this.streams.hardDecoding = options.hardDecoding
    this.stopGestures = listenForGestures(options.mount, {
      tap: (x, y) => {
        const index = this.indexAt(x, y)
        if (index !== null) this.select(index)
      },
      doubleTap: (x, y) => this.enlarge(this.enlarged === null ? this.indexAt(x, y) : null),
      swipe: (direction) => {
        if (this.enlarged === null) this.setPage(this.page + direction)
      },
      ...(options.carry && { carry: options.carry }),
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
      if (tile === undefined || !old.delete(key(channel))) return [new WallTile(this.nextId++, index, channel)]
      tile.index = index
      tile.channel = channel
      return [tile]
    })
    for (const gone of old.values()) {
      for (const profile of [...gone.streams.keys()]) this.streams.stop(gone, profile, 0, false)
      this.renderer.remove(gone.id)
    }
    if (this.enlarged !== null && this.at(this.enlarged) === undefined) this.enlarged = null
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
    const to = index !== null && this.at(index) !== undefined ? index : null
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
    this.streams.reopenAll()
    this.reconcile(0)
  }

  /** False while the page is hidden: no decoders and no streams, but the session and the last pictures stay. */
  setActive(on: boolean): void {
    if (on === this.active) return
    this.active = on
    this.reconcile(0)
  }

  /** Stops or starts the streams of one window, or of all; the last picture stays. */
  setPaused(index: number | null, on: boolean): void {
    for (const tile of this.tiles) if (index === null || tile.index === index) tile.paused = on
    this.reconcile(0)
  }

  retry(index: number): void {
    const tile = this.at(index)
    if (tile === undefined) return
    tile.unsupported.clear()
    const stream = tile.streams.get(tile.target)
    if (stream !== undefined) this.streams.retry(stream)
    this.reconcile(0)
  }

  /** Shows a window brighter, turned, mirrored …, without touching its device. */
  setLook(index: number, look: Readonly<Look>): void {
    const tile = this.at(index)
    if (tile !== undefined) this.renderer.look(tile.id, { ...look })
  }

  /** Where the picture of a window is within the wall, CSS pixels; null while it is hidden or has no picture. */
  pictureBox(index: number): Rect | null {
    const tile = this.at(index)
    return tile === undefined || tile.rect === null || tile.width === 0 ? null : contain(tile.rect, tile.width, tile.height)
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
    return this.tiles.map((tile) => tile.tileStats(now))
  }

  /** How the canvas is drawn, for benchmarks. */
  get drawing(): { path: string; software: boolean; width: number; height: number } {
    const { path, software, canvas } = this.renderer
    return { path, software, width: canvas.width, height: canvas.height }
  }

  destroy(): void {
    this.destroyed = true
    this.stopGestures()
    this.streams.destroy()
    this.renderer.destroy()
    if (this.tickTimer !== null) this.clock.clear(this.tickTimer)
    this.tickTimer = null
    if (window.__bartizanWall === this) delete window.__bartizanWall
  }

  private get pages(): number {
    return pageCount(this.places, this.layout)
  }

  private at(index: number): WallTile | undefined {
    return this.tiles.find((tile) => tile.index === index)
  }

  /** Brings windows, streams and the renderer to what page, layout, enlargement and activity say. */
  private reconcile(lingerMs: number): void {
    if (this.destroyed) return
    this.page = clampPage(this.page, this.pages)
    const { clientWidth: width, clientHeight: height } = this.options.mount
    const one = this.enlarged !== null || this.layout === 1
    const single = this.at(this.enlarged ?? this.page)
    const aspect = one && single !== undefined && single.width > 0 ? single.width / single.height : undefined
    this.rects = layoutRects(this.enlarged !== null ? 1 : this.layout, width, height, aspect)
    const indices = this.enlarged !== null ? [this.enlarged] : pageIndices(this.page, this.layout)
    for (const tile of this.tiles) {
      const at = indices.indexOf(tile.index)
      tile.rect = at < 0 ? null : this.rects[at] ?? null
      this.renderer.place(tile.id, tile.rect)
      this.reconcileStreams(tile, lingerMs)
    }
    this.setTicking(this.active && this.tiles.length > 0)
    const page = `${this.page}/${this.pages}`
    if (page !== this.lastPage) {
      this.lastPage = page
      this.options.onPage(this.page, this.pages)
    }
    this.changed()
  }

  private reconcileStreams(tile: WallTile, lingerMs: number): void {
    const wanted = new Set<Profile>()
    const isEnlarged = tile.index === this.enlarged
    if (this.active && tile.rect !== null && !tile.paused) {
      wanted.add(tile.base)
      if (isEnlarged && !tile.unsupported.has('main')) wanted.add('main')
    }
    if (wanted.size > 0) tile.target = wanted.has('main') ? 'main' : tile.base
    for (const profile of wanted) this.streams.start(tile, profile)
    for (const profile of [...tile.streams.keys()]) {
      if (wanted.has(profile)) continue
      const paused = !this.active || tile.paused
      // On screen still, so it stays until the wanted one has its first picture.
      const bridging = wanted.size > 0 && tile.shown === profile
      this.streams.stop(tile, profile, paused ? 0 : bridging ? MAIN_LINGER_MS : wanted.size > 0 ? 0 : lingerMs, paused)
    }
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
      const isEnlarged = tile.index === this.enlarged
      if (before === 'main' && !isEnlarged) this.streams.stop(tile, 'main', 0, false)
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
    tile.stats.present(this.clock.now(), known ? utc - tile.arrivedAtMs : null)
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
    const other: Profile = stream.profile === 'main' ? 'sub' : 'main'
    if ((other === 'sub' && !tile.channel.hasSub) || tile.unsupported.has(other)) return
    tile.unsupported.add(stream.profile)
    // Not from within the player's own transition.
    queueMicrotask(() => this.reconcile(0))
  }

  /** The window at a point within the mount, CSS pixels. */
  indexAt(x: number, y: number): number | null {
    const at = rectAt(this.rects, x, y)
    if (at === null) return null
    return this.enlarged ?? this.page * this.layout + at
  }

  private setTicking(on: boolean): void {
    if (on === (this.tickTimer !== null)) return
    if (!on) {
      if (this.tickTimer !== null) this.clock.clear(this.tickTimer)
      this.tickTimer = null
      return
    }
    const tick = (): void => {
      this.tickTimer = this.clock.set(tick, TICK_MS)
      this.streams.tick()
      this.changed()
    }
    this.tickTimer = this.clock.set(tick, TICK_MS)
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
    const now = this.clock.now()
    const utc = this.clock.utc()
    const views = this.tiles.map((tile) => {
      this.renderer.grey(tile.id, tile.hasPicture && !tile.isLive)
      return tile.view(this.active, now, utc, tile.index === this.selected, tile.index === this.enlarged)
    })
    if (this.enlarged === null) {
      this.rects.forEach((rect, at) => {
        const index = this.page * this.layout + at
        if (this.at(index) === undefined) views.push(emptyView(index, rect, index === this.selected))
      })
    }
    this.options.onViews(views)
  }
}

function key(channel: WallChannel): string {
  return `${channel.channel} ${channel.device}`
}
