/**
 * What each window may cost when the device cannot decode and draw them all. Pure policy: it is told what was measured and
 * at what time, and says which rung of the ladder every window stands on. Nothing here reads a clock or touches a stream.
 *
 * Down in a few seconds, from the edge of attention inwards, so that what is looked at goes on; up one window at a time,
 * after it has been calm for longer, and each time later when it did not last.
 */
import type { Rect } from './layout'

/** From dearest to cheapest. `sub` is the same as `full` for a window that shows its sub stream anyway. */
export const RUNGS = ['full', 'sub', 'keys', 'stills'] as const
export type Rung = (typeof RUNGS)[number]

/** `close`: enlarged, zoomed, heard, in other words the one that is watched. `favoured`: selected, or kept full by the user. */
export type Weight = 'plain' | 'favoured' | 'close'
const WEIGHTS: readonly Weight[] = ['plain', 'favoured', 'close']

export interface TileLoad {
  id: number
  weight: Weight
  /** The point all distances are measured from. */
  focus: boolean
  /** CSS pixels; null while hidden. */
  rect: Rect | null
  /** It shows its main stream, or would, and has a sub stream to go to. */
  canSub: boolean
  /** Pictures come, so it costs something. */
  playing: boolean
  /** A step up was made and its first pictures have not come yet. */
  settling: boolean
  /** 0 idle, 1 and more: this window's decoder does not keep up. */
  strain: number
  /** It decodes, or is to decode, in the web view. */
  hard: boolean
  /** Its decoder has given pictures; one that is made anew in its place counts as the same. */
  works: boolean
  /** The core can decode it instead. */
  canSoft: boolean
}

export interface Measured {
  now: number
  tiles: readonly TileLoad[]
  /** As a tile's: how late the page itself runs and draws. */
  pageStrain: number
}

/** How a decoder was lost; `refused` before it ever gave a picture. */
export type Loss = 'reclaimed' | 'refused' | 'silent' | 'failed'

/** Overload for so long, and something is taken away. */
export const DOWN_AFTER_MS = 2000
/** Calm for so long, and something is given back. */
export const UP_AFTER_MS = 10_000
/** The step after a first one that lasted. */
export const UP_NEXT_MS = 5000
/** Doubles that often at most: five minutes and some. */
const MOST_FAILURES = 5
/** Overload within so long after a step up means that the step was too much. */
const BLAME_MS = 120_000
/** A step up that lasted so long makes the next one come sooner. */
const GOOD_MS = 20_000
/** A window that does not come back from a step up does not hold up the others for ever. */
const SETTLING_MAX_MS = 20_000
/** Between this and 1 nothing is changed in either direction. */
const SLACK = 0.5
const MAX_STRAIN = 2
/** Time constant of the smoothing: one hiccup of the page is no overload. */
const SMOOTH_MS = 700
/** At most this share of the windows loses a rung at once. */
const BATCH_SHARE = 3
/** Unclear refusals count when two windows had one within this. */
const REFUSALS_MS = 30_000
/** How long a learned ceiling is believed before one more decoder is tried; doubles when that fails. */
export const CEILING_TRY_MS = 300_000
const CEILING_TRIES = 4

interface Entry {
  rung: Rung
  /** No decoder in the web view for it: there are not enough, and the core decodes instead. */
  evicted: boolean
  /** As evicted, but nobody can decode instead: it borrows a decoder for one picture now and then. */
  starved: boolean
}

interface Raise { id: number; from: Rung; at: number; failures: number }

export class Budget {
  private readonly entries = new Map<number, Entry>()
  private level = 0
  private lastAt: number | null = null
  private overSince: number | null = null
  private calmSince: number | null = null
  private changedAt = -Infinity
  /** The newest last. */
  private raises: Raise[] = []
  private failures = 0
  private blamed = false
  private max: number | null = null
  private maxAt = 0
  private maxTries = 0
  private refusals: { id: number; at: number }[] = []

  rungOf(id: number): Rung {
    const entry = this.entries.get(id)
    return entry === undefined ? 'full' : entry.starved ? 'stills' : entry.rung
  }

  /** False: the core is to decode it, since the web view has no decoder left. */
  mayUseHardware(id: number): boolean {
    return this.entries.get(id)?.evicted !== true
  }

  /** How many decoders the web view gives at once, as far as that is known. */
  get ceiling(): number | null {
    return this.max
  }

  /** 0 idle, 1 overloaded: the smoothed worst of everything measured. */
  get load(): number {
    return this.level
  }

  /** Takes a measurement, about four times a second; true when some window's rung or decoder changed. */
  observe(measured: Measured): boolean {
    const { now, tiles } = measured
    for (const id of [...this.entries.keys()]) if (!tiles.some((tile) => tile.id === id)) this.entries.delete(id)
    for (const tile of tiles) if (!this.entries.has(tile.id)) this.entries.set(tile.id, { rung: 'full', evicted: false, starved: false })
    const before = this.signature()
    this.raises = this.raises.filter((raise) => now - raise.at < BLAME_MS && this.entries.has(raise.id))
    for (const tile of tiles) this.watched(tile)
    this.measure(measured)
    if (this.overSince !== null && now - this.overSince >= DOWN_AFTER_MS && now - this.changedAt >= DOWN_AFTER_MS) this.shed(measured)
    else if (this.calmSince !== null && now - this.calmSince >= this.upAfter(now)) this.raise(measured)
    this.deal(measured)
    return this.signature() !== before
  }

  /**
   * A decoder of a window was lost, while `working` others went on. `explicit`: the engine said that there are too many.
   * True when a ceiling was learned from it.
   */
  lost(id: number, loss: Loss, explicit: boolean, working: number, now: number): boolean {
    // What was taken back is given again as soon as it is asked for; only a refusal says how many there are.
    if (loss === 'failed' || loss === 'reclaimed' || working < 1) return false
    this.refusals = [...this.refusals.filter((r) => now - r.at < REFUSALS_MS && r.id !== id), { id, at: now }]
    // One window alone may have a stream that no decoder likes.
    if (!(explicit && loss === 'refused') && this.refusals.length < 2) return false
    if (this.max !== null && working >= this.max) return false
    this.max = working
    this.maxAt = now
    return true
  }

  /** The device or its settings changed: nothing learned holds any more. */
  reset(): void {
    this.entries.clear()
    this.raises = []
    this.failures = this.maxTries = 0
    this.max = this.overSince = this.calmSince = this.lastAt = null
    this.level = 0
    this.refusals = []
  }

  private signature(): string {
    return [...this.entries].map(([id, { rung, evicted, starved }]) => `${id}${rung}${evicted}${starved}`).join()
  }

  /** Whoever looks closely gets the whole picture at once, and the others pay for it if need be. */
  private closely = new Set<number>()
  private watched(tile: TileLoad): void {
    const entry = this.entries.get(tile.id)
    const close = tile.weight !== 'plain' && tile.rect !== null
    if (close && !this.closely.has(tile.id) && entry !== undefined && entry.rung !== 'full') entry.rung = 'full'
    if (close) this.closely.add(tile.id)
    else this.closely.delete(tile.id)
  }

  private measure({ now, tiles, pageStrain }: Measured): void {
    const strain = Math.min(MAX_STRAIN, Math.max(pageStrain, ...tiles.filter(costs).map((tile) => tile.strain), 0))
    const dt = this.lastAt === null ? SMOOTH_MS : Math.max(0, now - this.lastAt)
    this.lastAt = now
    this.level += (strain - this.level) * (1 - Math.exp(-dt / SMOOTH_MS))
    if (this.level >= 1) {
      this.overSince ??= now
      this.calmSince = null
    } else {
      this.overSince = null
      this.blamed = false
      if (this.level >= SLACK) this.calmSince = null
      else this.calmSince ??= now
    }
    // A step up that lasted speaks for the next one.
    const newest = this.raises.at(-1)
    if (newest !== undefined && this.overSince === null && now - newest.at >= GOOD_MS) this.failures = Math.min(this.failures, newest.failures >> 1)
  }

  private upAfter(now: number): number {
    const newest = this.raises.at(-1)
    if (this.failures === 0 && newest !== undefined && now - newest.at < GOOD_MS) return UP_NEXT_MS
    return UP_AFTER_MS * 2 ** this.failures
  }

  /** Something must go: first the step up that caused it, then from the periphery inwards, a rung at a time. */
  private shed({ now, tiles, pageStrain }: Measured): void {
    const blame = this.raises.pop()
    if (blame !== undefined) {
      if (!this.blamed) this.failures = Math.min(MOST_FAILURES, Math.max(this.failures, blame.failures + 1))
      this.blamed = true
      const entry = this.entries.get(blame.id)
      if (entry !== undefined && below(blame.from, entry.rung)) {
        entry.rung = blame.from
        this.changed(now)
        return
      }
    }
    const strained = tiles.filter((tile) => costs(tile) && tile.strain >= 1)
    const only = strained.length === 1 ? strained[0] : undefined
    // One window whose own decoder is too slow, and nobody else suffers from it.
    if (only !== undefined && only.weight === 'plain' && pageStrain < 1 && tiles.filter(costs).length > 2) {
      if (this.down(only)) this.changed(now)
      return
    }
    const plain = tiles.filter((tile) => costs(tile) && tile.weight === 'plain')
    const batch = Math.max(1, Math.round((plain.length / BATCH_SHARE) * Math.min(1, this.level - 1)))
    let done = 0
    while (done < batch) {
      const next = this.nextDown(tiles)
      if (next === undefined || !this.down(next)) break
      done++
    }
    if (done > 0) this.changed(now)
  }

  private nextDown(tiles: readonly TileLoad[]): TileLoad | undefined {
    for (const weight of WEIGHTS) {
      const candidates = tiles.filter((tile) => costs(tile) && tile.weight === weight && this.lower(tile) !== null)
      if (candidates.length === 0) continue
      const least = Math.min(...candidates.map((tile) => this.cost(tile)))
      return fromTheEdge(candidates.filter((tile) => this.cost(tile) === least), tiles)[0]
    }
    return undefined
  }

  /** How far down a window is; what it does not have counts as passed. */
  private cost(tile: TileLoad): number {
    const at = RUNGS.indexOf(this.rungOf(tile.id))
    return at === 0 && !tile.canSub ? 1 : at
  }

  private lower(tile: TileLoad): Rung | null {
    const next = RUNGS[this.cost(tile) + 1]
    // The one that is watched keeps moving, however slowly.
    return next === undefined || (next === 'stills' && tile.weight === 'close') ? null : next
  }

  private down(tile: TileLoad): boolean {
    const entry = this.entries.get(tile.id)
    const next = this.lower(tile)
    if (entry === undefined || next === null) return false
    entry.rung = next
    return true
  }

  /** One window gets one rung back: the nearest to attention of those that are worst off. */
  private raise({ now, tiles }: Measured): void {
    const newest = this.raises.at(-1)
    if (newest !== undefined && now - newest.at < SETTLING_MAX_MS && tiles.some((tile) => tile.id === newest.id && tile.settling)) return
    const reduced = tiles.filter((tile) => tile.rect !== null && this.rungOf(tile.id) !== 'full')
    for (const weight of [...WEIGHTS].reverse()) {
      const candidates = reduced.filter((tile) => tile.weight === weight)
      if (candidates.length === 0) continue
      const most = Math.max(...candidates.map((tile) => RUNGS.indexOf(this.rungOf(tile.id))))
      const tile = fromTheEdge(candidates.filter((one) => RUNGS.indexOf(this.rungOf(one.id)) === most), tiles).at(-1)
      const entry = tile === undefined ? undefined : this.entries.get(tile.id)
      if (tile === undefined || entry === undefined) return
      const from = entry.rung
      const to = RUNGS[most - 1] ?? 'full'
      entry.rung = to === 'sub' && !tile.canSub ? 'full' : to
      this.raises.push({ id: tile.id, from, at: now, failures: this.failures })
      this.changed(now)
      return
    }
  }

  private changed(now: number): void {
    this.changedAt = now
    // What was measured belongs to what was before.
    this.level = Math.min(this.level, 0.75)
    this.overSince = null
    this.calmSince = null
  }

  /** Who gets one of the decoders there are: the watched first, and whoever has one keeps it. */
  private deal({ now, tiles }: Measured): void {
    if (this.max === null) {
      for (const entry of this.entries.values()) entry.evicted = entry.starved = false
      return
    }
    const contending = tiles.filter((tile) => tile.hard || this.entries.get(tile.id)?.evicted === true)
    if (contending.length > this.max && now - this.maxAt >= CEILING_TRY_MS * 2 ** this.maxTries) {
      // Perhaps another program has given some back.
      this.max++
      this.maxAt = now
      this.maxTries = Math.min(CEILING_TRIES, this.maxTries + 1)
    }
    const rank = (tile: TileLoad): number =>
      (tile.rect === null ? 0 : 8) + (tile.weight === 'close' ? 4 : 0) + (tile.works ? 2 : 0) + (tile.canSoft ? 0 : 1)
    const inwards = fromTheEdge(contending, tiles).reverse().sort((a, b) => rank(b) - rank(a))
    const max = this.max
    // One decoder is left for those that only borrow it.
    const lasting = inwards.filter((tile) => !tile.canSoft).length > max ? max - 1 : max
    inwards.forEach((tile, at) => {
      const entry = this.entries.get(tile.id)
      if (entry === undefined) return
      entry.evicted = tile.canSoft && at >= lasting
      entry.starved = !tile.canSoft && at >= lasting
    })
  }
}

const costs = (tile: TileLoad): boolean => tile.playing && tile.rect !== null
const below = (a: Rung, b: Rung): boolean => RUNGS.indexOf(a) > RUNGS.indexOf(b)

/** Smallest first, then farthest from what is looked at, or from the middle. */
export function fromTheEdge(some: readonly TileLoad[], all: readonly TileLoad[]): TileLoad[] {
  const centre = ({ x, y, width, height }: Rect): [number, number] => [x + width / 2, y + height / 2]
  const seen = all.filter((tile) => tile.rect !== null)
  const focus = seen.find((tile) => tile.focus)?.rect ?? null
  const middle = seen.map((tile) => centre(tile.rect as Rect))
  const [fx, fy] = focus !== null ? centre(focus) : middle.length === 0 ? [0, 0]
    : [middle.reduce((sum, [x]) => sum + x, 0) / middle.length, middle.reduce((sum, [, y]) => sum + y, 0) / middle.length]
  const area = (tile: TileLoad): number => (tile.rect === null ? 0 : Math.round(tile.rect.width * tile.rect.height / 100))
  const away = (tile: TileLoad): number => {
    if (tile.rect === null) return Infinity
    const [x, y] = centre(tile.rect)
    return Math.hypot(x - fx, y - fy)
  }
  const distance = (a: TileLoad, b: TileLoad): number => (away(a) === away(b) ? 0 : away(b) - away(a))
  // Areas differ by rounding within one layout; that is no difference in attention.
  return [...some].sort((a, b) => (Math.abs(area(a) - area(b)) > 0.1 * Math.max(area(a), area(b)) ? area(a) - area(b) : distance(a, b)) || b.id - a.id)
}
