/**
 * Keeps a move going while it is held and stops it when it is not. The core ends a move that nobody repeats for 1.2 s,
 * so a page that dies leaves no camera turning; everything the page can notice stops it at once.
 */

/** Each part −1..1: right, up, tele, far, open are positive. */
export interface Move {
  pan: number
  tilt: number
  zoom: number
  focus: number
  iris: number
}

export const STILL: Readonly<Move> = { pan: 0, tilt: 0, zoom: 0, focus: 0, iris: 0 }

export interface HolderPort {
  hold(move: Move): Promise<unknown>
  stop(): Promise<unknown>
  /** A hold or a stop failed; the move is over. */
  failed(error: unknown): void
  /** The move wanted now, for the page to show. */
  changed?(move: Move): void
}

/** Well under the 1.2 s of the core, so that one lost call does not make a camera stutter. */
const REPEAT_MS = 400
/** A stop waits this long for a hold under way, lest the hold arrive after it. */
const OVERTAKE_MS = 150

export function isStill(move: Move): boolean {
  return move.pan === 0 && move.tilt === 0 && move.zoom === 0 && move.focus === 0 && move.iris === 0
}

export class MoveHolder {
  private readonly port: HolderPort
  private wanted: Move = { ...STILL }
  private sent: Move = { ...STILL }
  private holding: Promise<void> | null = null
  private timer: number | null = null
  private disposed = false
  private readonly away = (): void => this.release()
  private readonly hidden = (): void => {
    if (document.visibilityState === 'hidden') this.release()
  }

  constructor(port: HolderPort) {
    this.port = port
    window.addEventListener('blur', this.away)
    window.addEventListener('pagehide', this.away)
    document.addEventListener('visibilitychange', this.hidden)
  }

  get moving(): boolean {
    return !isStill(this.wanted)
  }

  /** Wants this move from now on; parts that are left out rest. A move of nothing is a release. */
  set(move: Partial<Move>): void {
    if (this.disposed) return
    const next = { ...STILL, ...move }
    if (isStill(next)) {
      this.release()
      return
    }
    this.wanted = next
    this.port.changed?.(next)
    this.send()
  }

  release(): void {
    if (!this.moving) return
    this.wanted = { ...STILL }
    this.port.changed?.(this.wanted)
    if (this.timer !== null) window.clearTimeout(this.timer)
    this.timer = null
    void this.stop()
  }

  dispose(): void {
    this.release()
    this.disposed = true
    window.removeEventListener('blur', this.away)
    window.removeEventListener('pagehide', this.away)
    document.removeEventListener('visibilitychange', this.hidden)
  }

  private send(): void {
    // Whoever is under way looks again when it is back.
    if (this.holding !== null) return
    const move = this.wanted
    this.sent = move
    this.holding = this.port.hold(move).then(
      () => undefined,
      (error: unknown) => this.fail(error),
    ).then(() => {
      this.holding = null
      if (!this.moving) return
      if (this.wanted !== this.sent) this.send()
      else this.arm()
    })
  }

  private arm(): void {
    if (this.timer !== null) window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => {
      this.timer = null
      if (this.moving) this.send()
    }, REPEAT_MS)
  }

  private async stop(): Promise<void> {
    const under = this.holding
    let late = false
    if (under !== null) {
      late = await Promise.race([
        under.then(() => false),
        new Promise<boolean>((resolve) => window.setTimeout(() => resolve(true), OVERTAKE_MS)),
      ])
    }
    // Held again meanwhile: the new move replaces the old one without a stop between.
    if (this.moving) return
    await this.port.stop().catch((error: unknown) => this.port.failed(error))
    if (!late || under === null) return
    await under
    if (!this.moving) await this.port.stop().catch((error: unknown) => this.port.failed(error))
  }

  private fail(error: unknown): void {
    const was = this.moving
    this.wanted = { ...STILL }
    if (was) this.port.changed?.(this.wanted)
    this.port.failed(error)
    // The hold may have reached the camera all the same.
    void this.port.stop().catch(() => undefined)
  }
}
