/** Measures what the windows cost, asks the budget, and says of every window what it may have. */
import type { Pace } from '@/api/generated'
import type { DecoderLoss, PlayerState } from '@/media/player'
import { Budget, type Rung, type TileLoad, type Weight } from './budget'
import type { TileStream, WallTile } from './tile'

/** What was measured of one window, over the last seconds. */
export interface TileWork {
  /** Pictures a second: that came, that left the decoder, that were drawn. */
  receivedFps: number
  decodedFps: number
  presentedFps: number
  /** Pictures that wait in front of the decoder, and how long the oldest has been inside, ms. */
  queue: number
  waitMs: number
  /** How often it was skipped ahead because it was behind, since the window was opened. */
  overruns: number
  /** Decoders made anew within the last minute. */
  rebuilds: number
}

export interface TileBudget {
  rung: Rung
  /** The user wants all of its pictures. */
  kept: boolean
  /** The web view had no decoder left, so the core decodes it. */
  evicted: boolean
  work: TileWork | null
}

export interface Surroundings {
  now: number
  /** How much later than planned the page's own clock runs, and how long a drawing waits for its turn, ms. */
  lateMs: number
  frameDelayMs: number
  weight(tile: WallTile): Weight
  /** All distances are measured from it. */
  focus(tile: WallTile): boolean
  /** It shows its main stream, or would. */
  wantsMain(tile: WallTile): boolean
}

const WINDOW_MS = 2500
/** A share of pictures that do not come out is only meaningful from so many on. */
const LEAST_FED = 8
const BACKLOG_MS = 400
/** One lone picture may take longer: it is large, and nothing waits behind it. */
const LONE_BACKLOG_MS = 1200
const LOST_SHARE = 0.4
/** Skipped ahead so recently that the next time is likely. */
const OVERRUN_MS = 3000
const HELD_BACK = 4
const LATE_MS = 250
const FRAME_MS = 300
const SOFT_AGE_MS = 1500
/** openh264 decodes what is as large as a sub stream may be; larger pictures would take a core of the processor each. */
const SOFT_PIXELS = 1280 * 720

interface Sample { at: number; fed: number; shown: number; presented: number; received: number }

class Meter {
  samples: Sample[] = []
  overruns = 0
  overrunAt = -Infinity

  take(sample: Sample, overruns: number): void {
    const last = this.samples.at(-1)
    // Another stream speaks for the window now.
    if (last !== undefined && (sample.fed < last.fed || sample.shown < last.shown)) this.samples = []
    this.samples.push(sample)
    while ((this.samples[0]?.at ?? sample.at) < sample.at - WINDOW_MS) this.samples.shift()
    if (overruns > this.overruns) this.overrunAt = sample.at
    this.overruns = overruns
  }

  get span(): { ms: number; fed: number; shown: number; presented: number; received: number } {
    const first = this.samples[0]
    const last = this.samples.at(-1)
    if (first === undefined || last === undefined) return { ms: 0, fed: 0, shown: 0, presented: 0, received: 0 }
    return {
      ms: last.at - first.at, fed: last.fed - first.fed, shown: last.shown - first.shown,
      presented: last.presented - first.presented, received: last.received - first.received,
    }
  }
}

export class Economy {
  readonly budget = new Budget()
  private readonly meters = new Map<number, Meter>()
  private readonly work = new Map<number, TileWork>()
  /** Kept full by the user. */
  private readonly kept = new Set<number>()

  /** Measures; true when some window may have more or less than before. */
  tick(tiles: readonly WallTile[], around: Surroundings): boolean {
    for (const id of [...this.meters.keys()]) if (!tiles.some((tile) => tile.id === id)) this.forget(id)
    const pageStrain = Math.max(around.lateMs / LATE_MS, around.frameDelayMs / FRAME_MS)
    return this.budget.observe({ now: around.now, pageStrain, tiles: tiles.map((tile) => this.load(tile, around)) })
  }

  rungOf(tile: WallTile): Rung {
    return this.budget.rungOf(tile.id)
  }

  /** The main stream may be fetched, as far as the device can decode it. */
  mayHaveMain(tile: WallTile): boolean {
    return tile.least === 'main' || this.rungOf(tile) === 'full'
  }

  paceOf(tile: WallTile): Pace {
    const rung = this.rungOf(tile)
    return rung === 'keys' || rung === 'stills' ? rung : 'full'
  }

  mayUseHardware(tile: WallTile): boolean {
    return this.budget.mayUseHardware(tile.id)
  }

  keep(tile: WallTile, on: boolean): void {
    if (on) this.kept.add(tile.id)
    else this.kept.delete(tile.id)
  }

  isKept(tile: WallTile): boolean {
    return this.kept.has(tile.id)
  }

  lost(tile: WallTile, stream: TileStream, tiles: readonly WallTile[], loss: DecoderLoss | 'silent', explicit: boolean, now: number): boolean {
    // Some of them may be about to be refused as well: each refusal then finds fewer.
    const working = tiles.reduce((sum, other) => sum + [...other.streams.values()].filter((one) => one !== stream && isHard(one) && one.player.state.hasSink).length, 0)
    return this.budget.lost(tile.id, loss, explicit, working, now)
  }

  of(tile: WallTile, wantsMain: boolean): TileBudget {
    const rung = this.rungOf(tile)
    return {
      // Without its main stream it is missing nothing where nobody asked for that.
      rung: rung === 'sub' && !wantsMain ? 'full' : rung,
      kept: this.kept.has(tile.id), evicted: !this.mayUseHardware(tile), work: this.work.get(tile.id) ?? null,
    }
  }

  private forget(id: number): void {
    this.meters.delete(id)
    this.work.delete(id)
    this.kept.delete(id)
  }

  private load(tile: WallTile, around: Surroundings): TileLoad {
    const stream = tile.current
    const playing = stream?.player.phase === 'playing'
    const codec = stream?.player.state.config?.codec ?? null
    const own = around.weight(tile)
    return {
      id: tile.id,
      weight: own === 'plain' && this.kept.has(tile.id) ? 'favoured' : own,
      focus: around.focus(tile),
      rect: tile.rect,
      canSub: tile.least === 'sub' && around.wantsMain(tile),
      playing,
      settling: [...tile.streams.values()].some(({ player: { state } }) => state.pace === 'full' && state.outputPace !== 'full'),
      strain: stream === undefined || !playing ? 0 : this.measure(tile, stream, around.now),
      hard: [...tile.streams.values()].some(isHard),
      works: [...tile.streams.values()].some((one) => isHard(one) && one.player.state.hasSink && one.player.state.lastOutputAt !== null),
      canSoft: codec !== null && /^avc/i.test(codec) && tile.width * tile.height <= SOFT_PIXELS,
    }
  }

  private measure(tile: WallTile, stream: TileStream, now: number): number {
    const meter = this.meters.get(tile.id) ?? new Meter()
    this.meters.set(tile.id, meter)
    const { player } = stream
    const { state } = player
    const { queue, waitMs } = player.backlog
    meter.take({ at: now, fed: state.fed, shown: state.shown, presented: tile.stats.presented, received: state.received }, state.overruns)
    const { ms, fed, shown, presented, received } = meter.span
    const rate = (count: number): number => (ms < 1000 ? 0 : Math.round((count * 10_000) / ms) / 10)
    this.work.set(tile.id, {
      receivedFps: rate(received), decodedFps: rate(shown), presentedFps: rate(presented), queue, waitMs: Math.round(waitMs),
      overruns: state.overruns, rebuilds: state.rebuilds.length,
    })
    if (!isHard(stream)) {
      const ageMs = tile.stats.agePercentile(0.5) ?? 0
      return state.pace === 'full' && ms > 1000 ? ageMs / SOFT_AGE_MS : 0
    }
    if (state.pace !== 'full') return waitMs / LONE_BACKLOG_MS
    if (state.outputPace !== 'full') return 0
    const lost = fed >= LEAST_FED && ms > WINDOW_MS / 2 ? (1 - shown / fed) / LOST_SHARE : 0
    const overrun = now - meter.overrunAt < OVERRUN_MS ? 1.5 : 0
    return Math.max(lost, overrun, backlogMs(state, waitMs) / BACKLOG_MS)
  }
}

/** How long the oldest picture inside has waited beyond what the decoder holds back anyway. */
function backlogMs(state: PlayerState, waitMs: number): number {
  const heldBack = Math.max(state.config?.reorderFrames ?? 0, Math.min(HELD_BACK, state.heldBack))
  return Math.max(0, waitMs - heldBack * (state.intervalMs ?? 40))
}

/** Decoded in the web view, or to be. */
const isHard = ({ wire, player: { state } }: TileStream): boolean => wire !== null && state.open && state.delivery === 'encoded' && state.fault === null
