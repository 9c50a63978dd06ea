/** The keyboard twin of the PTZ gestures: a key held is a move held. */
import { isStill, type Move, type MoveHolder, STILL } from './hold'

const KEYS: Record<string, Partial<Move>> = {
  ArrowLeft: { pan: -1 }, ArrowRight: { pan: 1 }, ArrowUp: { tilt: 1 }, ArrowDown: { tilt: -1 },
  '+': { zoom: 1 }, '=': { zoom: 1 }, '-': { zoom: -1 },
  PageUp: { focus: 1 }, PageDown: { focus: -1 },
}

/** Several arrows together make a diagonal. */
export function moveOfKeys(keys: Iterable<string>): Move {
  const move = { ...STILL }
  for (const key of keys) {
    for (const [part, value] of Object.entries(KEYS[key] ?? {})) move[part as keyof Move] += value
  }
  for (const part of Object.keys(move) as (keyof Move)[]) move[part] = Math.max(-1, Math.min(1, move[part]))
  return move
}

export class PtzKeys {
  private readonly holder: MoveHolder
  private readonly down = new Set<string>()

  constructor(holder: MoveHolder) {
    this.holder = holder
  }

  /** True when the key was one of ours. */
  press(event: KeyboardEvent): boolean {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return false
    if (!event.repeat) {
      this.down.add(event.key)
      this.apply()
    }
    return true
  }

  lift(event: KeyboardEvent): boolean {
    if (!this.down.delete(event.key)) return false
    this.apply()
    return true
  }

  /** The window lost the keyboard: whatever was down will not be heard of again. */
  forget(): void {
    this.down.clear()
    this.holder.release()
  }

  private apply(): void {
    const move = moveOfKeys(this.down)
    if (isStill(move)) this.holder.release()
    else this.holder.set(move)
  }
}
