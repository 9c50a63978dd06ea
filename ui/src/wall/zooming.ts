/** Zoom and view of the windows: what fingers, wheel, keys and buttons do to them. */
import { type Fisheye, lensZoomBy, turnBy, turns } from './fisheye'
import type { Rect } from './layout'
import { type Look, shownSize, unturned } from './look'
import type { WallTile } from './tile'
import { clampZoom, isWhole, PAN_STEP, panBy, pinched, type Point, settled, type Size, visiblePart, WHOLE, type Zoom } from './zoom'
import { listenForZoom, type ZoomListener } from './zoomgestures'

export interface ZoomHost {
  /** The window with a picture at a point of the wall. */
  tileAt(x: number, y: number): WallTile | null
  /** Show the window as its `zoom` and `look` say from now on. */
  show(tile: WallTile): void
  /** The user turned or zoomed the straightened view, and has let go. */
  turned(tile: WallTile): void
}

export class Zooming {
  private readonly host: ZoomHost
  private readonly listener: ZoomListener
  private tile: WallTile | null = null
  /** What the window showed when its gesture began, and when the last finger joined it. */
  private first: Fisheye | null = null
  private before: { zoom: Zoom; fisheye: Fisheye | null } = { zoom: WHOLE, fisheye: null }

  constructor(mount: HTMLElement, host: ZoomHost) {
    this.host = host
    this.listener = listenForZoom(mount, {
      pans: (x, y) => canPan(host.tileAt(x, y)),
      begin: (at) => {
        if (this.tile === null) {
          this.tile = host.tileAt(at.x, at.y)
          this.first = this.tile?.look.fisheye ?? null
        }
        if (this.tile !== null) this.before = { zoom: this.tile.zoom, fisheye: this.tile.look.fisheye }
        return this.tile !== null
      },
      pinch: (factor, from, to) => this.tile !== null && this.pinch(this.tile, this.before, factor, from, to),
      pan: (dx, dy) => this.tile !== null && this.pan(this.tile, dx, dy),
      end: () => {
        const { tile } = this
        this.tile = null
        if (tile === null) return
        this.setZoom(tile, settled(tile.zoom))
        if (tile.look.fisheye !== this.first) host.turned(tile)
      },
    })
  }

  /** The swipe that just ended moved a picture and is not meant for the page. */
  get claimed(): boolean {
    return this.listener.claimed
  }

  /** A button or a key: about the middle of the window. */
  step(tile: WallTile, factor: number): void {
    const { rect } = tile
    if (rect === null) return
    const middle = { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 }
    this.pinch(tile, { zoom: tile.zoom, fisheye: tile.look.fisheye }, factor, middle, middle)
    this.setZoom(tile, settled(tile.zoom))
    if (tile.look.fisheye?.view === 'eptz') this.host.turned(tile)
  }

  /** A button or a key: the view goes `right` and `down` a step. False when there is nowhere to go. */
  nudge(tile: WallTile, right: number, down: number): boolean {
    if (tile.rect === null || !canPan(tile)) return false
    this.pan(tile, -right * PAN_STEP * tile.rect.width, -down * PAN_STEP * tile.rect.height)
    if (tile.look.fisheye !== null) this.host.turned(tile)
    return true
  }

  /** All of the picture again. */
  reset(tile: WallTile): void {
    const { fisheye } = tile.look
    if (fisheye?.view === 'eptz') {
      tile.look = { ...tile.look, fisheye: { ...fisheye, zoom: 1 } }
      this.host.show(tile)
      this.host.turned(tile)
    }
    this.setZoom(tile, WHOLE)
  }

  /** Where the fingers are, the picture stays. */
  private pinch(tile: WallTile, before: { zoom: Zoom; fisheye: Fisheye | null }, factor: number, from: Point, to: Point): void {
    const { rect } = tile
    if (rect === null) return
    const { fisheye } = before
    if (fisheye?.view === 'eptz') {
      const [a, b] = [inView(tile, rect, from), inView(tile, rect, to)]
      tile.look = { ...tile.look, fisheye: turnBy(lensZoomBy(fisheye, factor, a.x, a.y), b.x - a.x, b.y - a.y) }
      this.host.show(tile)
      return
    }
    const within = (at: Point): Point => ({ x: at.x - rect.x, y: at.y - rect.y })
    this.setZoom(tile, pinched(before.zoom, factor, within(from), within(to), rect, sizeOf(tile)))
  }

  private pan(tile: WallTile, dx: number, dy: number): void {
    const { rect } = tile
    if (rect === null) return
    const { fisheye } = tile.look
    const whole = fisheye !== null && turns(fisheye) && (fisheye.view === 'eptz' || isWhole(tile.zoom))
    if (fisheye === null || !whole) {
      this.setZoom(tile, panBy(tile.zoom, dx, dy, rect, sizeOf(tile)))
      return
    }
    // The finger moves over the window; the view may lie in it turned or mirrored.
    const { box } = visiblePart(tile.zoom, rect, sizeOf(tile))
    const moved = unturned(tile.look, 0.5 + dx / box.width, 0.5 + dy / box.height)
    const next = turnBy(fisheye, moved.x - 0.5, moved.y - 0.5)
    tile.look = { ...tile.look, fisheye: next }
    this.host.show(tile)
  }

  private setZoom(tile: WallTile, zoom: Zoom): void {
    const next = tile.rect === null ? WHOLE : clampZoom(zoom, tile.rect, sizeOf(tile))
    if (next.scale === tile.zoom.scale && next.x === tile.zoom.x && next.y === tile.zoom.y) return
    tile.zoom = next
    this.host.show(tile)
  }

  /** The finger that is down carries the window and does not move its picture. */
  release(): void {
    this.listener.release()
  }

  stop(): void {
    this.listener.stop()
  }
}

export function sizeOf({ look, width, height }: { look: Readonly<Look>; width: number; height: number }): Size {
  return shownSize(look, width, height)
}

function inView(tile: WallTile, rect: Rect, at: Point): Point {
  const { box } = visiblePart(WHOLE, rect, sizeOf(tile))
  return unturned(tile.look, (at.x - box.x) / box.width, (at.y - box.y) / box.height)
}

/** A finger moves the picture where there is more of it than is seen. */
function canPan(tile: WallTile | null): boolean {
  if (tile === null) return false
  const { fisheye } = tile.look
  return !isWhole(tile.zoom) || (fisheye !== null && turns(fisheye))
}

/** How many times closer the window is than when it shows all it can. */
export function magnification({ look, zoom }: { look: Readonly<Look>; zoom: Zoom }): number {
  return look.fisheye?.view === 'eptz' ? look.fisheye.zoom : zoom.scale
}

