/** Pinch, wheel and the drag of a zoomed picture, from pointer events. Taps and swipes are in gestures.ts. */
import type { Point } from './zoom'
import { wheelFactor } from './zoom'

export interface ZoomHandlers {
  /** Whether a single finger there moves the picture and does not turn the page. */
  pans(x: number, y: number): boolean
  /** A gesture begins at this point: what follows belongs to the window there. False: there is none. */
  begin(at: Point): boolean
  /** So many times larger about a point, since the last call. */
  zoom(factor: number, at: Point): void
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
  stop(): void
}

/** Listens on `element`; coordinates are within it. */
export function listenForZoom(element: HTMLElement, handlers: ZoomHandlers): ZoomListener {
  const fingers = new Map<number, Point>()
  let begun = false
  let claimed = false
  /** Distance of two fingers at the last call; null until they have left the slop. */
  let spread: number | null = null
  let startSpread = 0
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
    endWheel()
    if (!begun) begun = handlers.begin(at)
    return begun
  }
  const end = (): void => {
    if (begun) handlers.end()
    begun = false
    start = from = spread = null
  }
  const endWheel = (): void => {
    if (wheelTimer === null) return
    clearTimeout(wheelTimer)
    wheelTimer = null
    end()
  }

  const down = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && event.button !== 0) return
    const at = local(event)
    // The first finger of all; whatever was not seen lifted is gone.
    if (event.isPrimary) fingers.clear()
    if (fingers.size === 0) claimed = false
    fingers.set(event.pointerId, at)
    if (fingers.size === 1) start = handlers.pans(at.x, at.y) ? at : null
    const two = fingers.size === 2 ? pair() : null
    if (two !== null) {
      // The window of the first pinch keeps it.
      start = from = spread = null
      startSpread = two.distance
    }
  }

  const move = (event: PointerEvent): void => {
    const finger = fingers.get(event.pointerId)
    if (finger === undefined) return
    const before = pair()
    const at = local(event)
    fingers.set(event.pointerId, at)
    if (fingers.size === 2) pinch(before?.middle ?? at)
    else if (fingers.size === 1) drag(at)
  }

  const pinch = (middle: Point): void => {
    const two = pair()
    if (two === null || two.distance <= 0) return
    if (spread === null) {
      if (Math.abs(two.distance - startSpread) < PINCH_SLOP_PX || !begin(two.middle)) return
      claimed = true
      spread = two.distance
      return
    }
    handlers.zoom(two.distance / spread, middle)
    handlers.pan(two.middle.x - middle.x, two.middle.y - middle.y)
    spread = two.distance
  }

  const drag = (at: Point): void => {
    if (from === null) {
      if (start === null || Math.hypot(at.x - start.x, at.y - start.y) < PAN_SLOP_PX || !begin(start)) return
      claimed = true
      from = at
      return
    }
    handlers.pan(at.x - from.x, at.y - from.y)
    from = at
  }

  const up = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId)) return
    const [left] = fingers.values()
    // A finger that stays after a pinch goes on moving the picture.
    if (fingers.size === 1 && begun && left !== undefined) {
      spread = null
      from = left
    } else if (fingers.size === 0) end()
  }

  const wheel = (event: WheelEvent): void => {
    const at = local(event)
    const factor = wheelFactor(event.deltaY, event.deltaMode)
    if (fingers.size > 0 || factor === 1) return
    const running = wheelTimer !== null
    if (wheelTimer !== null) clearTimeout(wheelTimer)
    wheelTimer = null
    if (!running) begun = handlers.begin(at)
    if (!begun) return
    event.preventDefault()
    handlers.zoom(factor, at)
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
