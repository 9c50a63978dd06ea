import { describe, expect, it, vi } from 'vitest'
import { randomSource } from '@/media/testing'
import { Budget, CEILING_TRY_MS, DOWN_AFTER_MS, fromTheEdge, RUNGS, UP_AFTER_MS, type Rung, type TileLoad } from './budget'

vi.setConfig({ testTimeout: 60_000 })

const TICK = 250

/** Windows in rows, as on the wall; number 1 is at the upper left. */
function grid(n: number, more: (id: number) => Partial<TileLoad> = () => ({})): TileLoad[] {
  const side = Math.ceil(Math.sqrt(n))
  return Array.from({ length: n }, (_, at) => ({
    id: at + 1, weight: 'plain', focus: false, rect: { x: (at % side) * 100, y: Math.floor(at / side) * 60, width: 100, height: 60 },
    canSub: false, playing: true, settling: false, strain: 0, hard: true, works: true, canSoft: true, ...more(at + 1),
  }))
}

/** A device on which every window costs something, by rung, and which can pay so much. */
class Device {
  budget = new Budget()
  now = 0
  changes = 0
  tiles: TileLoad[]
  cost: (tile: TileLoad) => number = () => 1
  can: number
  noise: () => number = () => 0

  constructor(tiles: TileLoad[], can: number) {
    this.tiles = tiles
    this.can = can
  }

  get load(): number {
    const factor: Record<Rung, number> = { full: 1, sub: 0.3, keys: 0.08, stills: 0.01 }
    return this.tiles.reduce((sum, tile) => {
      const rung = this.budget.rungOf(tile.id)
      return sum + this.cost(tile) * (rung === 'sub' && !tile.canSub ? 1 : factor[rung])
    }, 0)
  }

  /** Idle until it saturates, as decoders are; beyond it everything waits at once. */
  run(ms: number): this {
    for (const end = this.now + ms; this.now < end; this.now += TICK) {
      const pageStrain = (this.load > this.can ? this.load / this.can + 0.3 : 0.15) + this.noise()
      if (this.budget.observe({ now: this.now, tiles: this.tiles, pageStrain })) this.changes++
    }
    return this
  }

  get rungs(): string {
    return this.tiles.map((tile) => this.budget.rungOf(tile.id)[0]).join('')
  }
  at(rung: Rung): number[] {
    return this.tiles.filter((tile) => this.budget.rungOf(tile.id) === rung).map((tile) => tile.id)
  }
}

describe('the ladder', () => {
  it('leaves everything alone while all is well', () => {
    const device = new Device(grid(16), 16).run(600_000)
    expect([device.rungs, device.changes]).toEqual(['f'.repeat(16), 0])
  })
  it('takes nothing away for a hiccup', () => {
    const device = new Device(grid(4), 100)
    for (let i = 0; i < 20; i++) {
      device.can = 1
      device.run(DOWN_AFTER_MS - 2 * TICK)
      device.can = 100
      device.run(3000)
    }
    expect(device.changes).toBe(0)
  })
  it.each([
    ['full to sub', 3.5, 'sub'],
    ['to key frames only', 1.4, 'keys'],
    ['to stills', 1.1, 'stills'],
  ] as const)('goes %s', (_, can, rung) => {
    const device = new Device(grid(4, (id) => ({ canSub: true, ...(id === 1 && { weight: 'close', focus: true }) })), can).run(60_000)
    expect(device.at(rung).length).toBeGreaterThan(0)
    expect(device.budget.rungOf(1)).toBe('full')
    expect(device.load).toBeLessThanOrEqual(can)
    // Nobody skips a rung while another has not taken it.
    const depth = device.tiles.slice(1).map((tile) => RUNGS.indexOf(device.budget.rungOf(tile.id)))
    expect(Math.max(...depth) - Math.min(...depth)).toBeLessThanOrEqual(1)
  })
  it('begins farthest from what is looked at', () => {
    const tiles = grid(16, (id) => (id === 6 ? { weight: 'favoured', focus: true } : {}))
    const device = new Device(tiles, 15.5)
    device.run(4000)
    expect(device.at('keys')).toEqual([12, 16])
    expect(fromTheEdge(tiles, tiles).map((tile) => tile.id).slice(0, 3)).toEqual([16, 12, 4])
    expect(fromTheEdge(tiles, tiles).at(-1)!.id).toBe(6)
  })
  it('begins with the smallest', () => {
    const tiles = grid(6)
    tiles[0]!.rect = { x: 0, y: 0, width: 300, height: 200 }
    tiles[3]!.rect = { x: 0, y: 60, width: 50, height: 30 }
    const order = fromTheEdge(tiles, tiles).map((tile) => tile.id)
    expect([order[0], order.at(-1)]).toEqual([4, 1])
  })
  it('takes several at once when it is far too much', () => {
    const device = new Device(grid(16), 3).run(9000)
    expect(device.at('keys').length).toBeGreaterThan(9)
  })
  it('comes to the watched window last, and leaves it moving', () => {
    const device = new Device(grid(4, (id) => ({ canSub: true, ...(id === 2 && { weight: 'close', focus: true }), ...(id === 3 && { weight: 'favoured' }) })), 0.001)
    const order: string[] = []
    let before = device.rungs
    for (let i = 0; i < 200; i++) {
      device.run(TICK)
      if (device.rungs !== before) order.push(before = device.rungs)
    }
    expect(order.at(-1)).toBe('skss')
    const first = (at: number): number => order.findIndex((rungs) => rungs[at] !== 'f')
    expect(first(1)).toBeGreaterThan(first(2))
    expect(order[first(2)]![0]).toBe('s')
  })
  it('gives back one at a time, the nearest first, after it has been calm', () => {
    const device = new Device(grid(9, (id) => (id === 5 ? { weight: 'favoured', focus: true } : {})), 4).run(60_000)
    expect(device.at('keys')).toHaveLength(6)
    const kept = device.at('full')
    device.can = 100
    device.run(200_000)
    expect(device.rungs).toBe('f'.repeat(9))
    const again = new Device(grid(4), 0.5).run(30_000)
    again.can = 100
    again.changes = 0
    again.run(UP_AFTER_MS - 3000)
    expect(again.changes).toBe(0)
    again.run(6000)
    expect(again.changes).toBe(1)
    expect(kept).toContain(5)
  })
  it('gives the whole picture at once to the window that is opened', () => {
    const device = new Device(grid(9), 3).run(60_000)
    const reduced = device.at('keys')[0]!
    device.tiles[reduced - 1]!.weight = 'close'
    device.run(TICK)
    expect(device.budget.rungOf(reduced)).toBe('full')
    device.run(30_000)
    expect(device.budget.rungOf(reduced)).toBe('full')
    expect(device.load).toBeLessThanOrEqual(3)
  })
  it('waits for the first pictures of a step up before it judges', () => {
    const device = new Device(grid(4), 0.5).run(8000)
    device.can = 100
    device.tiles.forEach((tile) => { tile.settling = true })
    device.changes = 0
    device.run(22_000)
    expect(device.changes).toBe(1)
    device.tiles.forEach((tile) => { tile.settling = false })
    device.run(4000)
    expect(device.changes).toBe(2)
  })
  it('reduces the one window whose own decoder is too slow, and no other', () => {
    const budget = new Budget()
    const tiles = grid(9)
    for (let now = 0; now < 20_000; now += TICK) {
      tiles.forEach((tile) => { tile.strain = tile.id === 5 && budget.rungOf(5) === 'full' ? 2 : 0 })
      budget.observe({ now, tiles, pageStrain: 0.1 })
    }
    expect(tiles.map((tile) => budget.rungOf(tile.id)[0]).join('')).toBe('ffffkffff')
  })
  it('does not count windows that show nothing', () => {
    const device = new Device(grid(4, (id) => ({ playing: id < 3 })), 0.01).run(60_000)
    expect(device.at('full')).toEqual([3, 4])
  })
})

describe('it never swings', () => {
  const HOUR = 3_600_000
  it.each(Array.from({ length: 24 }, (_, seed) => seed))('with load %i', (seed) => {
    const random = randomSource(seed + 1)
    const n = 1 + Math.floor(random() * 16)
    const focus = 1 + Math.floor(random() * n)
    const device = new Device(grid(n, (id) => ({ canSub: random() < 0.4, ...(id === focus && { weight: 'close', focus: true }) })), 0)
    const costs = device.tiles.map(() => 0.3 + random() * 2)
    device.cost = (tile) => costs[tile.id - 1]!
    const whole = costs.reduce((sum, cost) => sum + cost, 0)
    device.can = Math.max(costs[focus - 1]! + 0.02 * whole, whole * (0.15 + random()))
    if (seed % 2 === 1) device.noise = () => (random() < 0.05 ? random() * 2 : random() * 0.2)
    device.run(120_000)
    // Settled within two minutes: from here on only tries that come ever more rarely.
    device.changes = 0
    let over = 0
    for (let at = 0; at < HOUR; at += TICK) {
      device.run(TICK)
      if (device.load > device.can) over += TICK
    }
    expect(device.changes).toBeLessThan(2 * (HOUR / 300_000) + 14)
    expect(over / HOUR).toBeLessThan(0.03)
    expect(device.budget.rungOf(focus)).toBe('full')
    // And nothing is kept back for ever once there is room.
    device.can = 2 * whole
    device.noise = () => 0
    device.run(300_000 + n * 40_000)
    expect(device.rungs).toBe('f'.repeat(n))
  })
})

describe('too few decoders', () => {
  const observe = (budget: Budget, tiles: TileLoad[], now: number): boolean => budget.observe({ now, tiles, pageStrain: 0 })
  const evicted = (budget: Budget, tiles: TileLoad[]): number[] => tiles.filter((tile) => !budget.mayUseHardware(tile.id)).map((tile) => tile.id)

  it('learns the ceiling from an engine that says so, and gives the rest to the core', () => {
    const budget = new Budget()
    const tiles = grid(9)
    observe(budget, tiles, 0)
    expect(budget.lost(9, 'refused', true, 6, 0)).toBe(true)
    expect(budget.ceiling).toBe(6)
    expect(observe(budget, tiles, TICK)).toBe(true)
    expect(evicted(budget, tiles)).toHaveLength(3)
    expect(evicted(budget, tiles)).toContain(9)
    expect(evicted(budget, tiles)).not.toContain(5)
  })
  it('takes a decoder that only fails, once, for a bad stream', () => {
    const budget = new Budget()
    expect(budget.lost(3, 'refused', false, 6, 0)).toBe(false)
    expect(budget.lost(3, 'silent', false, 6, 1000)).toBe(false)
    expect(budget.lost(4, 'silent', false, 6, 1000)).toBe(true)
    expect(new Budget().lost(3, 'refused', true, 0, 0)).toBe(false)
    expect(new Budget().lost(3, 'failed', true, 6, 0)).toBe(false)
  })
  it('lets go of a far one for the window that is opened', () => {
    const budget = new Budget()
    const tiles = grid(9)
    observe(budget, tiles, 0)
    budget.lost(9, 'refused', true, 4, 0)
    observe(budget, tiles, TICK)
    const [without] = evicted(budget, tiles)
    tiles[without! - 1]!.weight = 'close'
    observe(budget, tiles, 2 * TICK)
    expect(budget.mayUseHardware(without!)).toBe(true)
    expect(evicted(budget, tiles)).toHaveLength(5)
  })
  it('does not deal anew every time somebody taps', () => {
    const budget = new Budget()
    const tiles = grid(9)
    observe(budget, tiles, 0)
    budget.lost(9, 'refused', true, 4, 0)
    observe(budget, tiles, TICK)
    const before = evicted(budget, tiles)
    tiles.forEach((tile) => { tile.hard = tile.works = !before.includes(tile.id) })
    for (const tile of tiles) {
      tiles.forEach((one) => { one.focus = one === tile })
      observe(budget, tiles, 2 * TICK)
      expect(evicted(budget, tiles)).toEqual(before)
    }
  })
  it('gives a borrowed decoder to windows that nobody else can decode', () => {
    const budget = new Budget()
    const tiles = grid(4, () => ({ canSoft: false }))
    observe(budget, tiles, 0)
    budget.lost(4, 'refused', true, 3, 0)
    observe(budget, tiles, TICK)
    expect(evicted(budget, tiles)).toEqual([])
    expect(tiles.filter((tile) => budget.rungOf(tile.id) === 'stills')).toHaveLength(2)
  })
  it('tries one more after a while, and less often when that fails', () => {
    const budget = new Budget()
    const tiles = grid(4)
    observe(budget, tiles, 0)
    budget.lost(4, 'refused', true, 2, 0)
    const tries: number[] = []
    let before = 2
    for (let now = 0; now < 20 * CEILING_TRY_MS; now += 5000) {
      observe(budget, tiles, now)
      if ((budget.ceiling ?? 0) > before) {
        tries.push(now)
        budget.lost(4, 'refused', true, 2, now)
      }
      before = budget.ceiling ?? 0
    }
    expect(budget.ceiling).toBe(2)
    expect(tries.length).toBeGreaterThanOrEqual(3)
    const gaps = tries.slice(1).map((at, i) => at - tries[i]!)
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b))
  })
  it('forgets it when all is taken back', () => {
    const budget = new Budget()
    const tiles = grid(4)
    observe(budget, tiles, 0)
    budget.lost(4, 'refused', true, 2, 0)
    observe(budget, tiles, TICK)
    budget.reset()
    observe(budget, tiles, 2 * TICK)
    expect([budget.ceiling, evicted(budget, tiles)]).toEqual([null, []])
  })
})
