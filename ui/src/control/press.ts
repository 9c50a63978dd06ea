/** One press of a button or a key that means two things: a tap switches, and a longer press acts only while it lasts. */

/** As long as systems take for a long press, and longer than any tap. */
export const HOLD_MS = 400
/** A finger that goes further than this swipes. */
const STILL_PX = 10

export interface PressAction {
  tap(): void
  /** The press lasts. */
  begin(): void
  /** It lasted, and is over, however it ended. */
  end(): void
}

export class HoldPress {
  private action: PressAction | null = null
  private timer = 0
  private from: { x: number; y: number } | null = null
  private lasting = false
  /** Such as another program that takes the screen, or a dialogue of the system: nobody would hear the release. */
  private readonly away = (): void => this.cancel()

  /** It has become a long one. */
  get held(): boolean {
    return this.lasting
  }

  /** What it does is settled here: the button may mean something else by the time it is let go. */
  press(action: PressAction, from: { x: number; y: number } | null = null): void {
    this.cancel()
    this.action = action
    this.from = from
    window.addEventListener('blur', this.away)
    this.timer = window.setTimeout(() => {
      this.lasting = true
      action.begin()
    }, HOLD_MS)
  }

  move(x: number, y: number): void {
    if (this.from !== null && !this.lasting && Math.hypot(x - this.from.x, y - this.from.y) > STILL_PX) this.cancel()
  }

  release(): void {
    const { action, lasting } = this
    this.forget()
    if (lasting) action?.end()
    else action?.tap()
  }

  /** Taken away: not a tap, but the end of what lasts. */
  cancel(): void {
    const { action, lasting } = this
    this.forget()
    if (lasting) action?.end()
  }

  private forget(): void {
    window.clearTimeout(this.timer)
    window.removeEventListener('blur', this.away)
    this.action = null
    this.from = null
    this.lasting = false
  }
}
