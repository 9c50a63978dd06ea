import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MoveHolder } from './hold'
import { moveOfKeys, PtzKeys } from './keys'

function setUp(delayMs = 0) {
  const told: string[] = []
  const failures: unknown[] = []
  let fail = false
  const later = (what: string) => new Promise<void>((resolve, reject) => {
    window.setTimeout(() => {
      told.push(what)
      if (fail) reject(new Error('gone'))
      else resolve()
    }, delayMs)
  })
  const holder = new MoveHolder({
    hold: (move) => later(`hold ${move.pan} ${move.tilt} ${move.zoom}`),
    stop: () => { told.push('stop'); return Promise.resolve() },
    failed: (error) => failures.push(error),
  })
  return { holder, told, failures, failNow: () => { fail = true } }
}

describe('MoveHolder', () => {
  beforeEach(() => { vi.useFakeTimers() })
  afterEach(() => { vi.useRealTimers() })

  it('repeats while held and stops once when released', async () => {
    const { holder, told } = setUp()
    holder.set({ pan: 1 })
    await vi.advanceTimersByTimeAsync(1000)
    expect(told).toEqual(['hold 1 0 0', 'hold 1 0 0', 'hold 1 0 0'])
    holder.release()
    await vi.advanceTimersByTimeAsync(5000)
    expect(told.slice(3)).toEqual(['stop'])
  })

  it('sends only the newest of many changes while a call is under way', async () => {
    const { holder, told } = setUp(50)
    for (let n = 1; n <= 9; n++) holder.set({ pan: n / 10 })
    await vi.advanceTimersByTimeAsync(120)
    expect(told).toEqual(['hold 0.1 0 0', 'hold 0.9 0 0'])
    holder.dispose()
  })

  it('a stop waits for a hold under way, but not for one that hangs, and is said again after it', async () => {
    const quick = setUp(50)
    quick.holder.set({ tilt: 1 })
    quick.holder.release()
    await vi.advanceTimersByTimeAsync(1000)
    expect(quick.told).toEqual(['hold 0 1 0', 'stop'])

    const slow = setUp(2000)
    slow.holder.set({ tilt: 1 })
    slow.holder.release()
    await vi.advanceTimersByTimeAsync(200)
    expect(slow.told).toEqual(['stop'])
    await vi.advanceTimersByTimeAsync(5000)
    expect(slow.told).toEqual(['stop', 'hold 0 1 0', 'stop'])
  })

  it('stops when the window loses the focus, is hidden or is left', async () => {
    for (const leave of [
      () => window.dispatchEvent(new Event('blur')),
      () => window.dispatchEvent(new Event('pagehide')),
      () => {
        const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
        document.dispatchEvent(new Event('visibilitychange'))
        hidden.mockRestore()
      },
    ]) {
      const { holder, told } = setUp()
      holder.set({ pan: 1 })
      await vi.advanceTimersByTimeAsync(100)
      leave()
      await vi.advanceTimersByTimeAsync(2000)
      expect(told).toEqual(['hold 1 0 0', 'stop'])
      holder.dispose()
    }
  })

  it('a failure ends the move, is told once, and the camera is stopped all the same', async () => {
    const { holder, told, failures, failNow } = setUp()
    holder.set({ pan: 1 })
    await vi.advanceTimersByTimeAsync(100)
    failNow()
    await vi.advanceTimersByTimeAsync(3000)
    expect(failures).toHaveLength(1)
    expect(told.at(-1)).toBe('stop')
    expect(holder.moving).toBe(false)
  })

  it('keys add up to diagonals and end with the last key', async () => {
    expect(moveOfKeys(['ArrowLeft', 'ArrowUp'])).toMatchObject({ pan: -1, tilt: 1 })
    expect(moveOfKeys(['ArrowLeft', 'ArrowRight'])).toMatchObject({ pan: 0, tilt: 0 })
    const { holder, told } = setUp()
    const keys = new PtzKeys(holder)
    const key = (name: string) => new KeyboardEvent('keydown', { key: name })
    expect(keys.press(key('x'))).toBe(false)
    keys.press(key('ArrowLeft'))
    keys.press(key('ArrowUp'))
    await vi.advanceTimersByTimeAsync(10)
    keys.lift(key('ArrowLeft'))
    await vi.advanceTimersByTimeAsync(10)
    keys.lift(key('ArrowUp'))
    await vi.advanceTimersByTimeAsync(500)
    expect(told).toEqual(['hold -1 0 0', 'hold -1 1 0', 'hold 0 1 0', 'stop'])
    holder.dispose()
  })
})
