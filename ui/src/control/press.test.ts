import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { HOLD_MS, HoldPress } from './press'

let told: string[]
const action = (name = '') => ({ tap: () => told.push(`tap${name}`), begin: () => told.push(`begin${name}`), end: () => told.push(`end${name}`) })

beforeEach(() => {
  told = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

it('is a tap when it is short, and lasts when it is long', () => {
  const press = new HoldPress()
  press.press(action())
  vi.advanceTimersByTime(HOLD_MS - 1)
  press.release()
  expect(told).toEqual(['tap'])
  press.press(action())
  vi.advanceTimersByTime(HOLD_MS)
  expect([told, press.held]).toEqual([['tap', 'begin'], true])
  press.release()
  press.release()
  press.cancel()
  expect([told, press.held]).toEqual([['tap', 'begin', 'end'], false])
})

it('that is taken away is no tap, but the end of what lasts', () => {
  const press = new HoldPress()
  press.press(action())
  press.cancel()
  vi.advanceTimersByTime(2 * HOLD_MS)
  expect(told).toEqual([])
  press.press(action())
  vi.advanceTimersByTime(HOLD_MS)
  window.dispatchEvent(new Event('blur'))
  press.release()
  expect(told).toEqual(['begin', 'end'])
})

it('that moves is a swipe, until it lasts', () => {
  const press = new HoldPress()
  press.press(action(), { x: 10, y: 10 })
  press.move(15, 12)
  press.move(30, 10)
  vi.advanceTimersByTime(HOLD_MS)
  press.release()
  expect(told).toEqual([])
  press.press(action(), { x: 10, y: 10 })
  vi.advanceTimersByTime(HOLD_MS)
  press.move(400, 300)
  expect(told).toEqual(['begin'])
  press.release()
  expect(told).toEqual(['begin', 'end'])
})

it('gives way to another, and ends what it began', () => {
  const press = new HoldPress()
  press.press(action(' a'))
  vi.advanceTimersByTime(HOLD_MS)
  press.press(action(' b'))
  press.release()
  expect(told).toEqual(['begin a', 'end a', 'tap b'])
})
