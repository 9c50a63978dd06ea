/**
 * The one canvas of the wall: takes pictures of all tiles as they come and draws the newest of each once per animation
 * frame, only the tiles that changed.
 */
import type { Picture } from '@/media/sinks/sink'
import type { DrawBackend } from './backend'
import { Canvas2dBackend } from './canvas2d'
import { FrameCopier } from './copier'
import type { Rect } from './layout'
import { type Look, PLAIN } from './look'
import { WebGlBackend } from './webgl'
import { WHOLE, type Zoom } from './zoom'

/** `frame`: the engine uploads the VideoFrame; `copy`: its planes are copied out and uploaded by us; `canvas2d`: drawImage. */
export type DrawPath = 'frame' | 'copy' | 'canvas2d'

export interface RendererEvents {
  /** A picture of the tile is on the canvas now; it is closed afterwards. */
  presented(tile: number, picture: Picture): void
  /** A picture was overtaken by a newer one before it could be drawn. */
  dropped(tile: number): void
  /** The system took the canvas's memory: no tile has a picture any more. */
  emptied?(): void
}

export interface RendererOptions {
  /** Forces a path; measured benchmarks use it. */
  path?: DrawPath
  requestFrame?: (run: () => void) => number
  cancelFrame?: (id: number) => void
  /** Milliseconds on any steady clock. */
  now?: () => number
  delay?: (run: () => void, ms: number) => void
  createBackend?: (canvas: HTMLCanvasElement, restored: () => void) => DrawBackend
}

interface Tile {
  /** CSS pixels; null while hidden. */
  cell: Rect | null
  grey: boolean
  look: Readonly<Look>
  zoom: Zoom
  next: Picture | null
  copying: boolean
  /** Came while another was being copied. */
  waiting: Picture | null
  dirty: boolean
  width: number
  height: number
}

/** More than this is not seen on any screen and only warms the device. */
const MAX_SCALE = 2
/** Windows this small are not looked at closely, and where the processor draws, pixels are frames. */
const SOFTWARE_MAX_PIXELS = 640_000
const SOFTWARE_FEW_TILES = 4
/**
 * Putting the canvas on the screen costs the same however little changed, and sixteen unsynchronised cameras change
 * something in every animation frame. Where the processor pays for that, many tiles wait for each other this long: no
 * picture of a 25 Hz stream is lost, and none gets older than this by it.
 */
const SOFTWARE_INTERVAL_MS = 40
/** The buffer is not resized for less. */
const SCALE_STEP = 1.15

export class WallRenderer {
  readonly canvas: HTMLCanvasElement
  private readonly backend: DrawBackend
  private readonly copier = new FrameCopier()
  private readonly tiles = new Map<number, Tile>()
  private readonly events: RendererEvents
  private readonly requestFrame: (run: () => void) => number
  private readonly cancelFrame: (id: number) => void
  private readonly now: () => number
  private readonly delay: (run: () => void, ms: number) => void
  private drawnAt = -Infinity
  private delayed = false
  private askedAt = 0
  private delays = 0
  private wanted: DrawPath | null
  private frameId: number | null = null
  private size = { width: 0, height: 0 }
  private scale = 1
  private destroyed = false
  private releases = 0
  /** The whole canvas is to be drawn again. */
  private stale = false

  constructor(mount: HTMLElement, events: RendererEvents, options: RendererOptions = {}) {
    this.events = events
    this.wanted = options.path ?? null
    this.requestFrame = options.requestFrame ?? ((run) => window.requestAnimationFrame(run))
    this.cancelFrame = options.cancelFrame ?? ((id) => window.cancelAnimationFrame(id))
    this.now = options.now ?? (() => performance.now())
    this.delay = options.delay ?? ((run, ms) => void window.setTimeout(run, ms))
    const restored = (): void => {
      this.invalidate()
      events.emptied?.()
    }
    const first = newCanvas()
    const webgl = options.createBackend?.(first, restored)
      ?? (this.wanted === 'canvas2d' ? null : WebGlBackend.create(first, restored))
    // A canvas that was asked for one kind of context gives no other.
    this.canvas = webgl ? first : newCanvas()
    const backend = webgl ?? Canvas2dBackend.create(this.canvas)
    if (!backend) throw new Error('neither WebGL2 nor a 2D canvas')
    this.backend = backend
    mount.prepend(this.canvas)
  }

  get path(): DrawPath {
    if (this.backend.kind === 'canvas2d') return 'canvas2d'
    if (!this.copier.usable) return 'frame'
    return this.wanted === 'frame' || this.wanted === 'copy' ? this.wanted : preferredPath(this.backend)
  }

  /** How long a drawing waits for its turn, ms: what the page, the engine and the screen together are late. */
  get frameDelayMs(): number {
    return this.frameId === null ? this.delays : Math.max(this.delays, this.now() - this.askedAt)
  }

  get software(): boolean {
    return this.backend.software
  }

  resize(width: number, height: number): void {
    this.size = { width, height }
    this.applyScale(true)
  }

  get dewarps(): boolean {
    return this.backend.dewarps
  }

  /** Where the tile is, or null to hide it; its last picture is kept. */
  place(tile: number, cell: Rect | null): void {
    const own = this.tile(tile)
    if (equal(own.cell, cell)) return
    own.cell = cell
    if (cell === null) this.dropPictures(own)
    // Windows move together, and what was under them must go.
    this.invalidate()
  }

  grey(tile: number, grey: boolean): void {
    const own = this.tile(tile)
    if (own.grey === grey) return
    own.grey = grey
    own.dirty = true
    this.schedule()
  }

  /** How the tile is shown from now on; what the device sends and what is recorded stay as they are. */
  look(tile: number, look: Readonly<Look>): void {
    const own = this.tile(tile)
    if (own.look === look) return
    own.look = look
    own.dirty = true
    this.schedule()
  }

  /** Which part of the picture fills the window from now on. */
  zoom(tile: number, zoom: Zoom): void {
    const own = this.tile(tile)
    if (own.zoom === zoom) return
    own.zoom = zoom
    own.dirty = true
    this.schedule()
  }

  /** Takes the picture over. */
  push(tile: number, picture: Picture): void {
    const own = this.tiles.get(tile)
    if (own === undefined || own.cell === null || this.destroyed || !this.backend.usable) {
      picture.close()
      return
    }
    if (picture.kind === 'frame' && this.path === 'copy') this.copy(tile, own, picture)
    else this.queue(tile, own, picture)
  }

  /** Forgets the tile with its last picture. */
  remove(tile: number): void {
    const own = this.tiles.get(tile)
    if (own === undefined) return
    this.dropPictures(own)
    this.tiles.delete(tile)
    this.backend.forget(tile)
    this.invalidate()
  }

  /** The page goes to the background: pictures that wait to be drawn are closed, what is on the canvas stays. */
  release(): void {
    this.releases++
    for (const own of this.tiles.values()) this.dropPictures(own)
    this.copier.clear()
  }

  destroy(): void {
    this.destroyed = true
    if (this.frameId !== null) this.cancelFrame(this.frameId)
    for (const own of this.tiles.values()) this.dropPictures(own)
    this.tiles.clear()
    this.copier.clear()
    this.backend.destroy()
    this.canvas.remove()
  }

  private tile(tile: number): Tile {
    let own = this.tiles.get(tile)
    if (own === undefined) {
      own = { cell: null, grey: false, look: PLAIN, zoom: WHOLE, next: null, copying: false, waiting: null, dirty: false, width: 0, height: 0 }
      this.tiles.set(tile, own)
    }
    return own
  }

  private copy(tile: number, own: Tile, picture: Extract<Picture, { kind: 'frame' }>): void {
    if (own.copying) {
      if (own.waiting !== null) {
        own.waiting.close()
        this.events.dropped(tile)
      }
      own.waiting = picture
      return
    }
    own.copying = true
    const { releases } = this
    void this.copier.copy(picture).then((planes) => {
      own.copying = false
      const done = planes ?? picture
      if (this.tiles.get(tile) !== own || own.cell === null || releases !== this.releases) {
        done.close()
        own.waiting?.close()
        own.waiting = null
        return
      }
      this.queue(tile, own, done)
      const { waiting } = own
      own.waiting = null
      if (waiting !== null) this.push(tile, waiting)
    })
  }

  private queue(tile: number, own: Tile, picture: Picture): void {
    if (own.next !== null) {
      own.next.close()
      this.events.dropped(tile)
    }
    own.next = picture
    this.schedule()
  }

  private dropPictures(own: Tile): void {
    own.next?.close()
    own.waiting?.close()
    own.next = own.waiting = null
  }

  private invalidate(): void {
    this.stale = true
    this.schedule()
  }

  private schedule(): void {
    if (this.frameId !== null || this.delayed || this.destroyed) return
    const early = this.backend.software && this.visibleTiles() > SOFTWARE_FEW_TILES
      ? this.drawnAt + SOFTWARE_INTERVAL_MS - this.now()
      : 0
    if (early > 0) {
      this.delayed = true
      this.delay(() => {
        this.delayed = false
        this.requestDraw()
      }, early)
    } else this.requestDraw()
  }

  private requestDraw(): void {
    if (this.frameId !== null || this.destroyed) return
    this.askedAt = this.now()
    this.frameId = this.requestFrame(() => {
      this.frameId = null
      this.drawnAt = this.now()
      this.delays += (this.drawnAt - this.askedAt - this.delays) / 8
      this.drawFrame()
    })
  }

  private visibleTiles(): number {
    let visible = 0
    for (const own of this.tiles.values()) if (own.cell !== null) visible++
    return visible
  }

  private drawFrame(): void {
    const presented: [number, Picture][] = []
    for (const [tile, own] of this.tiles) {
      const picture = own.next
      if (picture === null || !this.backend.usable) continue
      own.next = null
      this.backend.upload(tile, picture)
      own.width = picture.width
      own.height = picture.height
      own.dirty = true
      presented.push([tile, picture])
    }
    this.applyScale(false)
    if (this.stale) this.backend.clear({ x: 0, y: 0, width: this.canvas.width, height: this.canvas.height })
    for (const [tile, own] of this.tiles) {
      if (own.cell !== null && (own.dirty || this.stale)) {
        this.backend.draw(tile, this.toBuffer(own.cell), own.grey, own.look, own.zoom)
      }
      own.dirty = false
    }
    this.stale = false
    for (const [tile, picture] of presented) {
      this.events.presented(tile, picture)
      picture.close()
    }
  }

  private toBuffer(cell: Rect): Rect {
    const x = Math.round(cell.x * this.scale)
    const y = Math.round(cell.y * this.scale)
    return {
      x, y,
      width: Math.max(1, Math.round((cell.x + cell.width) * this.scale) - x),
      height: Math.max(1, Math.round((cell.y + cell.height) * this.scale) - y),
    }
  }

  /**
   * Buffer pixels per CSS pixel: the screen's, but where the processor draws never more than the videos have. Zoom does
   * not count: the buffer would change its size under the fingers, and other windows would be drawn coarser for it.
   */
  private wantedScale(): number {
    const screen = Math.min(MAX_SCALE, window.devicePixelRatio || 1)
    if (!this.backend.software) return screen
    let most = 0
    let visible = 0
    for (const own of this.tiles.values()) {
      if (own.cell !== null && own.width > 0) {
        visible++
        most = Math.max(most, Math.min(own.width / own.cell.width, own.height / own.cell.height))
      }
    }
    const pixels = this.size.width * this.size.height
    const many = visible > SOFTWARE_FEW_TILES && pixels > 0 ? Math.sqrt(SOFTWARE_MAX_PIXELS / pixels) : 1
    return Math.min(1, screen, many, most > 0 ? Math.max(0.25, most) : 1)
  }

  private applyScale(force: boolean): void {
    const scale = this.wantedScale()
    const ratio = scale / this.scale
    if (!force && ratio < SCALE_STEP && ratio > 1 / SCALE_STEP) return
    this.scale = scale
    const width = Math.max(1, Math.round(this.size.width * scale))
    const height = Math.max(1, Math.round(this.size.height * scale))
    if (width === this.canvas.width && height === this.canvas.height) return
    this.backend.resize(width, height)
    this.invalidate()
  }
}

/**
 * Measured on WebKitGTK 2.50 under Xvfb (Mesa's software renderer, two busy cores), 16 decoders of 640×360 at 25 Hz into
 * a 1280×842 canvas; processor time of all WebKit processes per picture on screen, and page time per drawn frame:
 *
 * - decoding and copyTo without drawing: 1.1 ms; with our plane uploads 1.6 ms, so these cost next to nothing;
 * - `copy` 8.4 ms, 36 ms of page time; `frame` 11 ms, 105–115 ms; `canvas2d` 8 ms, 104–116 ms.
 *
 * What is left is putting the canvas on the screen: 60–80 ms of processor time a frame whatever was drawn, and about
 * 55 ms a megapixel on top. `copy` keeps the page itself free, so pictures are younger. Where a GPU draws, frames often
 * live in its memory already and copying them out would be the expensive way.
 */
function preferredPath(backend: DrawBackend): DrawPath {
  return backend.software ? 'copy' : 'frame'
}

function newCanvas(): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  // What it shows is told in words by the page around it.
  canvas.setAttribute('aria-hidden', 'true')
  Object.assign(canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', display: 'block', pointerEvents: 'none' })
  return canvas
}

function equal(a: Rect | null, b: Rect | null): boolean {
  return a === b || (a !== null && b !== null && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height)
}
