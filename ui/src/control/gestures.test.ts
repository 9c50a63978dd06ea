import { beforeEach, describe, expect, it, vi } from 'vitest'
import { dragVelocity, listenForPtz, pinchVelocity } from './gestures'

describe('velocities', () => {
  it('a drag is proportional, capped, and still within the slack', () => {
    expect(dragVelocity(5, 5)).toEqual({ pan: 0, tilt: 0 })
    expect(dragVelocity(500, 0)).toEqual({ pan: 1, tilt: 0 })
    expect(dragVelocity(0, -500)).toEqual({ pan: 0, tilt: 1 })
    expect(dragVelocity(61, 0).pan).toBeCloseTo(0.5)
  })

  it('fingers apart zoom in, together zoom out', () => {
    expect(pinchVelocity(100, 102)).toBe(0)
    expect(pinchVelocity(100, 200)).toBe(1)
    expect(pinchVelocity(200, 50)).toBe(-1)
    expect(pinchVelocity(0, 50)).toBe(0)
  })
})

describe('listenForPtz', () => {
  let surface: HTMLElement
  let told: string[]
  let stop: () => void

  beforeEach(() => {
    surface = document.createElement('div')
    surface.setPointerCapture = vi.fn()
    surface.getBoundingClientRect = () => new DOMRect(0, 0, 400, 200)
    told = []
    stop = listenForPtz(surface, {
      move: (move) => told.push(JSON.stringify(move)),
      release: () => told.push('release'),
      center: (x, y) => told.push(`center ${x} ${y}`),
    })
  })

  const fire = (type: string, id: number, x: number, y: number): void => {
    surface.dispatchEvent(new PointerEvent(type, { pointerId: id, clientX: x, clientY: y, bubbles: true, cancelable: true }))
  }

  it('drag moves, lift releases', () => {
    fire('pointerdown', 1, 100, 100)
    fire('pointermove', 1, 300, 100)
    fire('pointermove', 1, 301, 100)
    fire('pointerup', 1, 301, 100)
    expect(told).toEqual(['{"pan":1,"tilt":0}', 'release'])
  })

  it('a tap brings the point to the centre and moves nothing', () => {
    fire('pointerdown', 1, 300, 50)
    fire('pointerup', 1, 300, 50)
    expect(told).toEqual(['center 0.5 0.5'])
  })

  it.each(['pointercancel', 'lostpointercapture'])('%s releases and is no tap', (type) => {
    fire('pointerdown', 1, 100, 100)
    fire('pointermove', 1, 100, 300)
    fire(type, 1, 100, 300)
    expect(told).toEqual(['{"pan":0,"tilt":-1}', 'release'])
    fire('pointerdown', 1, 100, 100)
    fire(type, 1, 100, 100)
    expect(told).toHaveLength(2)
  })

  it('pinch zooms, and lifting one finger of two releases', () => {
    fire('pointerdown', 1, 100, 100)
    fire('pointerdown', 2, 200, 100)
    fire('pointermove', 2, 300, 100)
    fire('pointerup', 2, 300, 100)
    fire('pointermove', 1, 0, 0)
    fire('pointerup', 1, 0, 0)
    expect(told).toEqual(['{"zoom":1}', 'release'])
  })

  it('going away releases', () => {
    fire('pointerdown', 1, 100, 100)
    fire('pointermove', 1, 300, 100)
    stop()
    expect(told.at(-1)).toBe('release')
  })
})
