/** Taps, swipes and long presses from pointer events. Every gesture has a twin elsewhere in the page (WCAG 2.5.1). */

export interface GestureHandlers {
  /** At once on the first tap: selection must not wait for a second one. */
  tap(x: number, y: number): void
  doubleTap(x: number, y: number): void
  /** 1: to the next page (the finger moved left), −1: to the one before. */
  swipe(direction: 1 | -1): void
  /** What a long press picks up; without it nothing can be carried. */
  carry?: CarryHandlers
}

export interface CarryHandlers {
  /** A finger has rested on a place: true when there is something to pick up. From then on nothing else is meant. */
  lift(x: number, y: number): boolean
  move(x: number, y: number): void
  drop(x: number, y: number): void
  /** The system took the finger, or Escape was pressed: nothing has been moved. */
  cancel(): void
}

const TAP_SLOP_PX = 10
const TAP_MAX_MS = 500
/** As long as phones' own long press. */
const HOLD_MS = 450
const DOUBLE_TAP_MS = 320
const DOUBLE_TAP_SLOP_PX = 32
const SWIPE_DISTANCE_PX = 64
const FLICK_DISTANCE_PX = 24
const FLICK_PX_PER_MS = 0.45

/** Buttons over a picture keep their own clicks; a window that is itself a button says `data-wall-tile`. */
function isControl(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false
  const control = target.closest('[data-wall-control], [data-wall-tile], button, a, input, select, ion-button, ion-fab-button')
  return control !== null && !control.hasAttribute('data-wall-tile')
}

interface Press {
  id: number
  x: number
  y: number
  at: number
  /** A second finger came, or the browser wants it: not ours. */
  spoiled: boolean
  /** Beyond what a tap may tremble. */
  moved: boolean
  carrying: boolean
}

/** Listens on `element`; coordinates are within it. Returns what stops listening. */
export function listenForGestures(element: HTMLElement, handlers: GestureHandlers): () => void {
  let press: Press | null = null
  let lastTap: { x: number; y: number; at: number } | null = null
  const touchAction = element.style.touchAction
  // Sideways movement is ours; scrolling and the browser's zoom stay with the browser.
  element.style.touchAction = 'pan-y pinch-zoom'

  const local = (event: PointerEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }

  const { carry } = handlers
  let holdTimer = 0

  const letGo = (): void => {
    window.clearTimeout(holdTimer)
    if (press?.carrying === true) carry?.cancel()
    press = null
  }

  const down = (event: PointerEvent): void => {
    if (press !== null) {
      window.clearTimeout(holdTimer)
      if (press.carrying) carry?.cancel()
      press.carrying = false
      press.spoiled = true
      return
    }
    if (event.button !== 0 || isControl(event.target)) return
    const started: Press = { id: event.pointerId, ...local(event), at: event.timeStamp, spoiled: false, moved: false, carrying: false }
    press = started
    if (carry === undefined) return
    holdTimer = window.setTimeout(() => {
      if (press === started && !started.moved && !started.spoiled) started.carrying = carry.lift(started.x, started.y)
    }, HOLD_MS)
  }

  const move = (event: PointerEvent): void => {
    if (press === null || event.pointerId !== press.id) return
    const { x, y } = local(event)
    if (press.carrying) carry?.move(x, y)
    else if (Math.hypot(x - press.x, y - press.y) > TAP_SLOP_PX) press.moved = true
  }

  const up = (event: PointerEvent): void => {
    if (press === null || event.pointerId !== press.id) return
    const from = press
    press = null
    window.clearTimeout(holdTimer)
    if (from.spoiled) return
    const { x, y } = local(event)
    if (from.carrying) {
      lastTap = null
      carry?.drop(x, y)
      return
    }
    const dx = x - from.x
    const dy = y - from.y
    const ms = Math.max(1, event.timeStamp - from.at)
    if (Math.hypot(dx, dy) <= TAP_SLOP_PX) {
      if (ms <= TAP_MAX_MS) tapped(x, y, event.timeStamp)
      return
    }
    lastTap = null
    const far = Math.abs(dx) >= SWIPE_DISTANCE_PX
    const fast = Math.abs(dx) >= FLICK_DISTANCE_PX && Math.abs(dx) / ms >= FLICK_PX_PER_MS
    if (Math.abs(dx) > 1.5 * Math.abs(dy) && (far || fast)) handlers.swipe(dx < 0 ? 1 : -1)
  }

  const tapped = (x: number, y: number, at: number): void => {
    const second = lastTap !== null && at - lastTap.at <= DOUBLE_TAP_MS
      && Math.hypot(x - lastTap.x, y - lastTap.y) <= DOUBLE_TAP_SLOP_PX
    if (second) {
      lastTap = null
      handlers.doubleTap(x, y)
    } else {
      lastTap = { x, y, at }
      handlers.tap(x, y)
    }
  }

  const cancel = (event: PointerEvent): void => {
    if (press !== null && event.pointerId === press.id) letGo()
  }

  const key = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || press?.carrying !== true) return
    event.preventDefault()
    event.stopPropagation()
    letGo()
  }

  // What is carried moves freely: without this the browser would take the finger for scrolling.
  const touchMove = (event: Event): void => {
    if (press?.carrying === true && event.cancelable) event.preventDefault()
  }
  const menu = (event: Event): void => {
    if (press?.carrying === true) event.preventDefault()
  }

  element.addEventListener('pointerdown', down)
  // On the window, since the finger may leave the wall before it is lifted.
  window.addEventListener('pointerup', up)
  window.addEventListener('pointercancel', cancel)
  window.addEventListener('pointermove', move)
  if (carry !== undefined) {
    window.addEventListener('keydown', key, true)
    element.addEventListener('touchmove', touchMove, { passive: false })
    element.addEventListener('contextmenu', menu)
  }
  return () => {
    element.removeEventListener('pointerdown', down)
    window.removeEventListener('pointerup', up)
    window.removeEventListener('pointercancel', cancel)
    window.removeEventListener('pointermove', move)
    window.removeEventListener('keydown', key, true)
    element.removeEventListener('touchmove', touchMove)
    element.removeEventListener('contextmenu', menu)
    letGo()
    element.style.touchAction = touchAction
  }
}
