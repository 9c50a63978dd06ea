/** Pinch, wheel and the drag of a zoomed picture, from pointer events. Taps and swipes are in gestures.ts. */
import type { Point } from './zoom'
import { wheelFactor } from './zoom'

export interface ZoomHandlers {
  /** Whether a single finger there moves the picture and does not turn the page. */
  pans(x: number, y: number): boolean
  /** A gesture begins at this point, or another finger joins it: the window where it began keeps it. False: there is none. */
  begin(at: Point): boolean
  /** Since `begin`: so many times larger, and what was at `from` is now at `to`. */
  pinch(factor: number, from: Point, to: Point): void
  /** Fingers moved, pixels since the last call. */
  pan(dx: number, dy: number): void
  end(): void
}

/** Fingers rest never quite still. */
const PAN_SLOP_PX = 10
const PINCH_SLOP_PX = 8
/** A wheel has no end; the last turn is over after this. */
const WHEEL_REST_MS = 250

export interface ZoomListener {
  /** The fingers that are down, or were last, have zoomed or moved a picture: their swipe is not a page. */
  readonly claimed: boolean
  /** The fingers that are down mean something else now, such as a window that is carried away. */
  release(): void
  stop(): void
}

/** Listens on `element`; coordinates are within it. */
export function listenForZoom(element: HTMLElement, handlers: ZoomHandlers): ZoomListener {
  const fingers = new Map<number, Point>()
  let begun = false
  let claimed = false
  /** Two fingers as they came down; counting from `spread` once they have left the slop. */
  let two: { middle: Point; distance: number; spread: number | null } | null = null
  /** Where the wheel is being turned. */
  let wheeledAt: Point | null = null
  /** Where a single finger was at the last call; null while it does not move the picture. */
  let from: Point | null = null
  let start: Point | null = null
  let wheelTimer: ReturnType<typeof setTimeout> | null = null
  const touchAction = element.style.touchAction
  // Two fingers on a picture enlarge the picture; the browser would enlarge the whole page.
  element.style.touchAction = 'none'

  const local = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  const pair = (): { middle: Point; distance: number } | null => {
    const [a, b] = [...fingers.values()]
    if (a === undefined || b === undefined) return null
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, distance: Math.hypot(a.x - b.x, a.y - b.y) }
  }
  const begin = (at: Point): boolean => {
    begun = handlers.begin(at)
    return begun
  }
  const end = (): void => {
    if (begun) handlers.end()
    begun = false
    start = from = two = null
  }
  const endWheel = (): void => {
    if (wheelTimer === null) return
    clearTimeout(wheelTimer)
    wheelTimer = wheeledAt = null
    end()
  }

  const down = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && event.button !== 0) return
    const at = local(event)
    endWheel()
    // The first finger of all; whatever was not seen lifted is gone.
    if (event.isPrimary) fingers.clear()
    if (fingers.size === 0) claimed = false
    fingers.set(event.pointerId, at)
    if (fingers.size === 1) start = handlers.pans(at.x, at.y) ? at : null
    else {
      start = from = null
      const now = fingers.size === 2 ? pair() : null
      two = now === null ? null : { ...now, spread: null }
    }
  }

  const move = (event: PointerEvent): void => {
    const finger = fingers.get(event.pointerId)
    if (finger === undefined) return
    const at = local(event)
    fingers.set(event.pointerId, at)
    if (fingers.size === 2) pinch()
    else if (fingers.size === 1) drag(at)
  }

  const pinch = (): void => {
    const now = pair()
    if (two === null || now === null || now.distance <= 0) return
    if (two.spread === null) {
      const grown = now.distance - two.distance
      if (Math.abs(grown) < PINCH_SLOP_PX || !begin(two.middle)) return
      claimed = true
      two.spread = Math.max(1, two.distance + Math.sign(grown) * PINCH_SLOP_PX)
    }
    handlers.pinch(now.distance / two.spread, two.middle, now.middle)
  }

  const drag = (at: Point): void => {
    if (from === null) {
      if (start === null) return
      const [dx, dy] = [at.x - start.x, at.y - start.y]
      const far = Math.hypot(dx, dy)
      if (far < PAN_SLOP_PX || !begin(start)) return
      claimed = true
      // A quick finger is far beyond the slop at its first event, and only the slop is not counted.
      from = { x: start.x + (dx / far) * PAN_SLOP_PX, y: start.y + (dy / far) * PAN_SLOP_PX }
    }
    handlers.pan(at.x - from.x, at.y - from.y)
    from = at
  }

  const up = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId)) return
    const [left] = fingers.values()
    // A finger that stays after a pinch goes on moving the picture.
    if (fingers.size === 1 && begun && left !== undefined) {
      two = null
      from = left
    } else if (fingers.size === 0) end()
  }

  const wheel = (event: WheelEvent): void => {
    const at = local(event)
    const factor = wheelFactor(event)
    if (fingers.size > 0 || factor === 1) return
    if (wheeledAt !== null && Math.hypot(at.x - wheeledAt.x, at.y - wheeledAt.y) > PAN_SLOP_PX) endWheel()
    if (!begin(at)) return
    event.preventDefault()
    handlers.pinch(factor, at, at)
    wheeledAt = at
    if (wheelTimer !== null) clearTimeout(wheelTimer)
    wheelTimer = setTimeout(endWheel, WHEEL_REST_MS)
  }

  element.addEventListener('pointerdown', down)
  element.addEventListener('wheel', wheel, { passive: false })
  // On the window, since a finger may leave the wall before it is lifted.
  window.addEventListener('pointermove', move)
  window.addEventListener('pointerup', up)
  window.addEventListener('pointercancel', up)
  return {
    get claimed() { return claimed },
    release() {
      fingers.clear()
      end()
    },
    stop() {
      if (wheelTimer !== null) clearTimeout(wheelTimer)
      element.removeEventListener('pointerdown', down)
      element.removeEventListener('wheel', wheel)
      window.removeEventListener('pointermove', move)
      window.removeEventListener('pointerup', up)
      window.removeEventListener('pointercancel', up)
      element.style.touchAction = touchAction
    },
  }
}
