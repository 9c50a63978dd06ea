/** Pictures of a window in full size, taken as they are shown. */
import type { Clock } from '@/media/clock'
import type { Picture } from '@/media/sinks/sink'
import { toJpeg } from './jpeg'

export interface Captured {
  /** When it came, or of a recording when it was recorded, microseconds since 1970 UTC. */
  atUs: number
  jpeg: Blob
}

/** Pictures of a burst are this far apart, as the core's are. */
const STEP_US = 250_000
/** Without a picture for so long, what there is must do. */
const PATIENCE_MS = 8000

interface Burst {
  tile: number
  count: number
  taken: Promise<Captured | null>[]
  notBeforeUs: number
  timer: number
  done: (taken: Captured[]) => void
}

export class Captures {
  private readonly clock: Clock
  private readonly encode: typeof toJpeg
  private bursts: Burst[] = []

  constructor(clock: Clock, encode = toJpeg) {
    this.clock = clock
    this.encode = encode
  }

  /** The next `count` pictures of a tile, a quarter of a second apart; fewer where it shows no more. */
  take(tile: number, count: number): Promise<Captured[]> {
    return new Promise((done) => {
      const burst: Burst = { tile, count, taken: [], notBeforeUs: -Infinity, timer: 0, done }
      this.bursts.push(burst)
      this.wait(burst)
    })
  }

  /** A picture is on screen now. It is read before this returns. */
  shown(tile: number, picture: Picture, atUs: number): void {
    for (const burst of this.bursts.filter((one) => one.tile === tile && atUs >= one.notBeforeUs)) {
      burst.notBeforeUs = atUs + STEP_US
      const jpeg = this.encode(picture).catch(() => null)
      burst.taken.push(jpeg.then((made) => (made === null ? null : { atUs, jpeg: made })))
      if (burst.taken.length < burst.count) this.wait(burst)
      else this.finish(burst)
    }
  }

  /** The tile shows something else from now on, or nothing. */
  end(tile: number): void {
    for (const burst of this.bursts.filter((one) => one.tile === tile)) this.finish(burst)
  }

  private wait(burst: Burst): void {
    this.clock.clear(burst.timer)
    burst.timer = this.clock.set(() => this.finish(burst), PATIENCE_MS)
  }

  private finish(burst: Burst): void {
    this.clock.clear(burst.timer)
    this.bursts = this.bursts.filter((one) => one !== burst)
    void Promise.all(burst.taken).then((taken) => burst.done(taken.filter((one) => one !== null)))
  }
}
