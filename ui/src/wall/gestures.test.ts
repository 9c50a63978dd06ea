import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listenForGestures } from './gestures'

let element: HTMLElement
let stop: () => void
let seen: string[]
let clock: number

function fire(type: string, x: number, y: number, at: number, extra: { id?: number; target?: EventTarget; button?: number } = {}): void {
  const event = new Event(type, { bubbles: true })
  Object.defineProperties(event, {
    clientX: { value: x }, clientY: { value: y }, pointerId: { value: extra.id ?? 1 }, button: { value: extra.button ?? 0 },
    timeStamp: { value: at },
  })
  const target = extra.target ?? element
  target.dispatchEvent(event)
}

function drag(dx: number, dy: number, ms: number): void {
  fire('pointerdown', 200, 200, clock)
  clock += ms
  fire('pointerup', 200 + dx, 200 + dy, clock)
  clock += 1000
}

function tap(x = 50, y = 60, gap = 100): void {
  fire('pointerdown', x, y, clock)
  fire('pointerup', x, y, clock + 30)
  clock += gap
}

beforeEach(() => {
  element = document.body.appendChild(document.createElement('div'))
  seen = []
  clock = 1000
  stop = listenForGestures(element, {
    tap: (x, y) => seen.push(`tap ${x},${y}`),
    doubleTap: (x, y) => seen.push(`double ${x},${y}`),
    swipe: (d) => seen.push(`swipe ${d}`),
  })
})
afterEach(() => {
  stop()
  element.remove()
})

describe('gestures', () => {
  it('selects at once and enlarges on the second tap, not on a third', () => {
    tap()
    tap()
    tap()
    expect(seen).toEqual(['tap 50,60', 'double 50,60', 'tap 50,60'])
  })
  it('takes two slow taps, or two far apart, as two taps', () => {
    tap(50, 60, 400)
    tap(50, 60, 100)
    tap(150, 60, 100)
    expect(seen).toEqual(['tap 50,60', 'tap 50,60', 'tap 150,60'])
  })
  it.each([
    [-80, 10, 900, ['swipe 1']], // far and slow
    [80, 10, 900, ['swipe -1']],
    [-40, 0, 60, ['swipe 1']], // short and fast
    [-40, 0, 900, []], // short and slow
    [-80, 70, 300, []], // as much up as sideways
    [5, 5, 700, []], // a long press is no tap
  ] as const)('drag %i,%i in %i ms', (dx, dy, ms, want) => {
    drag(dx, dy, ms)
    expect(seen).toEqual(want)
  })
  it('leaves two fingers to the browser', () => {
    fire('pointerdown', 200, 200, 0, { id: 1 })
    fire('pointerdown', 300, 200, 10, { id: 2 })
    fire('pointerup', 100, 200, 100, { id: 1 })
    fire('pointerup', 400, 200, 100, { id: 2 })
    expect(seen).toEqual([])
    tap()
    expect(seen).toEqual(['tap 50,60'])
  })
  it('sees a finger that is lifted outside and forgets a cancelled one', () => {
    fire('pointerdown', 200, 200, 0)
    fire('pointerup', 90, 200, 100, { target: window })
    fire('pointerdown', 200, 200, 0)
    fire('pointercancel', 90, 200, 100)
    fire('pointerup', 90, 200, 100)
    expect(seen).toEqual(['swipe 1'])
  })
  it('keeps off buttons, but not off windows that are buttons', () => {
    const button = element.appendChild(document.createElement('button'))
    fire('pointerdown', 5, 5, 0, { target: button })
    fire('pointerup', 5, 5, 20, { target: button })
    expect(seen).toEqual([])
    button.setAttribute('data-wall-tile', '')
    fire('pointerdown', 5, 5, 0, { target: button })
    fire('pointerup', 5, 5, 20, { target: button })
    fire('pointerdown', 5, 5, 0, { button: 2 })
    fire('pointerup', 5, 5, 20, { button: 2 })
    expect(seen).toEqual(['tap 5,5'])
  })
  it('owns sideways movement only while it listens', () => {
    expect(element.style.touchAction).toBe('pan-y pinch-zoom')
    stop()
    expect(element.style.touchAction).toBe('')
    tap()
    expect(seen).toEqual([])
  })
})

describe('carrying', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    stop()
    stop = listenForGestures(element, {
      tap: (x, y) => seen.push(`tap ${x},${y}`),
      doubleTap: () => undefined,
      swipe: (d) => seen.push(`swipe ${d}`),
      carry: {
        lift: (x, y) => (seen.push(`lift ${x},${y}`), y < 300),
        move: (x, y) => seen.push(`move ${x},${y}`),
        drop: (x, y) => seen.push(`drop ${x},${y}`),
        cancel: () => seen.push('cancel'),
      },
    })
  })
  afterEach(() => vi.useRealTimers())

  it('lifts after a rest, and is then no swipe and no tap', () => {
    fire('pointerdown', 200, 200, 0)
    vi.advanceTimersByTime(440)
    expect(seen).toEqual([])
    fire('pointermove', 204, 203, 440)
    vi.advanceTimersByTime(20)
    fire('pointermove', 90, 210, 700, { target: window })
    fire('pointerup', 60, 210, 800, { target: window })
    expect(seen).toEqual(['lift 200,200', 'move 90,210', 'drop 60,210'])
    fire('pointermove', 10, 10, 900)
    expect(seen).toHaveLength(3)
  })
  it('does not lift a finger that moves, was lifted, or is joined by another', () => {
    fire('pointerdown', 200, 200, 0)
    fire('pointermove', 180, 200, 50)
    vi.advanceTimersByTime(1000)
    fire('pointerup', 100, 200, 1000)
    fire('pointerdown', 200, 200, 2000)
    fire('pointerup', 200, 200, 2100)
    vi.advanceTimersByTime(1000)
    fire('pointerdown', 200, 200, 4000, { id: 1 })
    fire('pointerdown', 300, 200, 4100, { id: 2 })
    vi.advanceTimersByTime(1000)
    fire('pointerup', 200, 200, 5000, { id: 1 })
    expect(seen).toEqual(['swipe 1', 'tap 200,200'])
  })
  it('leaves a long press on nothing alone, as before', () => {
    fire('pointerdown', 200, 400, 0)
    vi.advanceTimersByTime(500)
    fire('pointerup', 100, 400, 900)
    expect(seen).toEqual(['lift 200,400', 'swipe 1'])
  })
  it.each([
    ['a second finger', () => fire('pointerdown', 9, 9, 600, { id: 2 })],
    ['the system', () => fire('pointercancel', 200, 200, 600)],
    ['Escape', () => window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))],
    ['the end of listening', () => stop()],
  ])('is taken back by %s', (_, what) => {
    fire('pointerdown', 200, 200, 0)
    vi.advanceTimersByTime(500)
    what()
    fire('pointermove', 100, 200, 700)
    fire('pointerup', 100, 200, 800)
    expect(seen).toEqual(['lift 200,200', 'cancel'])
  })
  it('keeps the browser from scrolling only while something is carried', () => {
    const touch = (): boolean => !element.dispatchEvent(new Event('touchmove', { cancelable: true, bubbles: true }))
    const menu = (): boolean => !element.dispatchEvent(new Event('contextmenu', { cancelable: true, bubbles: true }))
    fire('pointerdown', 200, 200, 0)
    expect([touch(), menu()]).toEqual([false, false])
    vi.advanceTimersByTime(500)
    expect([touch(), menu()]).toEqual([true, true])
    fire('pointerup', 200, 200, 800)
    expect([touch(), menu()]).toEqual([false, false])
  })
})
