/** Fingers on the picture while a camera is being moved: drag turns, pinch zooms, a tap brings a point to the centre. */
import type { Move } from './hold'

export interface PtzGestures {
  move(move: Partial<Move>): void
  release(): void
  /** A tapped point, −1..1 from the centre of the surface, right and up positive. */
  center(x: number, y: number): void
}

/** Fingers rest never quite still. */
const SLACK_PX = 12
/** As far as the thumb goes without the hand: full speed. */
const FULL_PX = 110
const TAP_MS = 300
/** A spread of this factor is full speed. */
const FULL_SPREAD = 1.5
const PINCH_SLACK = 1.06

/** A drag as a velocity: nothing within the slack, then proportional to the distance up to full speed. */
export function dragVelocity(dx: number, dy: number): { pan: number; tilt: number } {
  const distance = Math.hypot(dx, dy)
  if (distance < SLACK_PX) return { pan: 0, tilt: 0 }
  const speed = Math.min(1, (distance - SLACK_PX) / (FULL_PX - SLACK_PX))
  return { pan: round((dx / distance) * speed), tilt: round((-dy / distance) * speed) }
}

/** A spread of two fingers as a zoom speed: apart is tele. */
export function pinchVelocity(from: number, to: number): number {
  if (from <= 0 || to <= 0) return 0
  const factor = to / from
  if (factor < PINCH_SLACK && factor > 1 / PINCH_SLACK) return 0
  return round(Math.max(-1, Math.min(1, Math.log(factor) / Math.log(FULL_SPREAD))))
}

/** Steps of a tenth: a trembling finger is not a new order to the camera. */
function round(value: number): number {
  return Math.round(value * 10) / 10 + 0
}

export function listenForPtz(surface: HTMLElement, gestures: PtzGestures): () => void {
  const fingers = new Map<number, { x: number; y: number; startX: number; startY: number }>()
  let startedAt = 0
  let spread = 0
  let moved = false
  let last = ''

  const tell = (move: Partial<Move>): void => {
    const words = JSON.stringify(move)
    if (words === last) return
    last = words
    moved = true
    gestures.move(move)
  }
  const distance = (): number => {
    const [a, b] = [...fingers.values()]
    return a === undefined || b === undefined ? 0 : Math.hypot(a.x - b.x, a.y - b.y)
  }
  const end = (): void => {
    fingers.clear()
    last = ''
    if (moved) gestures.release()
    moved = false
  }

  const down = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && event.button !== 0) return
    surface.setPointerCapture(event.pointerId)
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, startX: event.clientX, startY: event.clientY })
    if (fingers.size === 1) startedAt = event.timeStamp
    if (fingers.size === 2) spread = distance()
    event.preventDefault()
  }
  const drag = (event: PointerEvent): void => {
    const finger = fingers.get(event.pointerId)
    if (finger === undefined) return
    finger.x = event.clientX
    finger.y = event.clientY
    if (fingers.size === 2) {
      const zoom = pinchVelocity(spread, distance())
      if (zoom !== 0 || moved) tell({ zoom })
    } else if (fingers.size === 1) {
      const velocity = dragVelocity(finger.x - finger.startX, finger.y - finger.startY)
      if (velocity.pan !== 0 || velocity.tilt !== 0 || moved) tell(velocity)
    }
  }
  const up = (event: PointerEvent): void => {
    const finger = fingers.get(event.pointerId)
    if (finger === undefined) return
    const tapped = fingers.size === 1 && !moved && event.timeStamp - startedAt < TAP_MS
    // Lifting one finger of two ends the gesture: what is left is no drag that anybody meant.
    end()
    if (!tapped || event.type !== 'pointerup') return
    const box = surface.getBoundingClientRect()
    gestures.center(
      ((event.clientX - box.left) / box.width) * 2 - 1,
      1 - ((event.clientY - box.top) / box.height) * 2,
    )
  }

  surface.addEventListener('pointerdown', down)
  surface.addEventListener('pointermove', drag)
  surface.addEventListener('pointerup', up)
  surface.addEventListener('pointercancel', up)
  surface.addEventListener('lostpointercapture', up)
  return () => {
    end()
    surface.removeEventListener('pointerdown', down)
    surface.removeEventListener('pointermove', drag)
    surface.removeEventListener('pointerup', up)
    surface.removeEventListener('pointercancel', up)
    surface.removeEventListener('lostpointercapture', up)
  }
}
