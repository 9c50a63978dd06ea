import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listenForZoom, type ZoomListener } from './zoomgestures'

let element: HTMLElement
let listener: ZoomListener
let seen: string[]
let zoomed: boolean
let there: boolean

const n = (value: number): number => Math.round(value * 100) / 100
function fire(type: string, id: number, x: number, y: number, primary = false): void {
  const event = new Event(type, { bubbles: true })
  Object.defineProperties(event, {
    clientX: { value: x }, clientY: { value: y }, pointerId: { value: id }, pointerType: { value: 'touch' }, button: { value: 0 },
    isPrimary: { value: primary },
  })
  const target = type === 'pointerdown' ? element : window
  target.dispatchEvent(event)
}
function wheel(x: number, y: number, deltaY: number): Event {
  const event = new Event('wheel', { bubbles: true, cancelable: true })
  Object.defineProperties(event, {
    clientX: { value: x }, clientY: { value: y }, deltaY: { value: deltaY }, deltaMode: { value: 0 }, ctrlKey: { value: false },
  })
  element.dispatchEvent(event)
  return event
}

beforeEach(() => {
  vi.useFakeTimers()
  element = document.body.appendChild(document.createElement('div'))
  seen = []
  zoomed = false
  there = true
  listener = listenForZoom(element, {
    pans: () => zoomed,
    begin: (at) => { seen.push(`begin ${at.x},${at.y}`); return there },
    pinch: (factor, from, to) => seen.push(`pinch ${n(factor)} ${from.x},${from.y} ${to.x},${to.y}`),
    pan: (dx, dy) => seen.push(`pan ${n(dx)},${n(dy)}`),
    end: () => seen.push('end'),
  })
})
afterEach(() => {
  listener.stop()
  element.remove()
  vi.useRealTimers()
})

describe('zoom gestures', () => {
  it('counts a spread from the edge of the slop, and where the fingers went together', () => {
    fire('pointerdown', 1, 100, 100, true)
    fire('pointerdown', 2, 200, 100)
    fire('pointermove', 2, 205, 100)
    expect(seen).toEqual([])
    expect(listener.claimed).toBe(false)
    fire('pointermove', 2, 316, 100)
    expect(seen).toEqual(['begin 150,100', 'pinch 2 150,100 208,100'])
    fire('pointermove', 1, 208, 100)
    expect(seen.at(-1)).toBe('pinch 1 150,100 262,100')
    fire('pointerup', 1, 208, 100)
    fire('pointerup', 2, 316, 100)
    expect(seen.at(-1)).toBe('end')
    expect(listener.claimed).toBe(true)
  })

  it('the finger that stays goes on moving the picture, and one that comes back pinches anew', () => {
    fire('pointerdown', 1, 100, 100, true)
    fire('pointerdown', 2, 200, 100)
    fire('pointermove', 2, 300, 100)
    fire('pointerup', 1, 100, 100)
    fire('pointermove', 2, 310, 105)
    expect(seen.at(-1)).toBe('pan 10,5')
    fire('pointerdown', 3, 210, 105)
    fire('pointermove', 3, 110, 105)
    expect(seen.slice(-2)).toEqual(['begin 260,105', `pinch ${n(200 / 108)} 260,105 210,105`])
  })

  it('one finger moves only what is zoomed, beyond the slop', () => {
    fire('pointerdown', 1, 100, 100, true)
    fire('pointermove', 1, 160, 100)
    fire('pointerup', 1, 160, 100)
    expect([seen, listener.claimed]).toEqual([[], false])
    zoomed = true
    fire('pointerdown', 1, 100, 100, true)
    fire('pointermove', 1, 105, 100)
    expect([seen, listener.claimed]).toEqual([[], false])
    fire('pointermove', 1, 160, 100)
    fire('pointermove', 1, 150, 90)
    fire('pointerup', 1, 150, 90)
    expect(seen).toEqual(['begin 100,100', 'pan 50,0', 'pan -10,-10', 'end'])
    expect(listener.claimed).toBe(true)
    zoomed = false
    fire('pointerdown', 1, 100, 100, true)
    expect(listener.claimed).toBe(false)
  })

  it('where there is no picture nothing happens', () => {
    there = false
    fire('pointerdown', 1, 100, 100, true)
    fire('pointerdown', 2, 200, 100)
    fire('pointermove', 2, 400, 100)
    fire('pointerup', 2, 400, 100)
    fire('pointerup', 1, 400, 100)
    expect(seen).toEqual(['begin 150,100'])
    expect(wheel(10, 10, -100).defaultPrevented).toBe(false)
  })

  it('a finger that was never lifted here is forgotten with the next first one', () => {
    fire('pointerdown', 1, 100, 100, true)
    fire('pointerdown', 5, 100, 100, true)
    fire('pointermove', 5, 200, 100)
    expect(seen).toEqual([])
  })

  it('lets go of a finger that carries the window away', () => {
    zoomed = true
    fire('pointerdown', 1, 100, 100, true)
    listener.release()
    fire('pointermove', 1, 200, 100)
    fire('pointerup', 1, 200, 100)
    expect(seen).toEqual([])
  })

  it('the wheel zooms at the pointer, and rests after a while or elsewhere', () => {
    expect(wheel(50, 60, -100).defaultPrevented).toBe(true)
    wheel(50, 60, -100)
    expect(seen).toEqual(['begin 50,60', 'pinch 1.25 50,60 50,60', 'begin 50,60', 'pinch 1.25 50,60 50,60'])
    vi.advanceTimersByTime(300)
    expect(seen.at(-1)).toBe('end')
    wheel(50, 60, -100)
    wheel(250, 60, -100)
    expect(seen.slice(-3)).toEqual(['end', 'begin 250,60', 'pinch 1.25 250,60 250,60'])
    fire('pointerdown', 1, 100, 100, true)
    expect(seen.at(-1)).toBe('end')
  })

  it('keeps two fingers from the browser while it listens', () => {
    expect(element.style.touchAction).toBe('none')
    listener.stop()
    expect(element.style.touchAction).toBe('')
    wheel(1, 1, -100)
    expect(seen).toEqual([])
  })
})
