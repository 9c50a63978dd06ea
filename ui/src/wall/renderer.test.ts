import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Picture } from '@/media/sinks/sink'
import { settle } from '@/media/testing'
import type { DrawBackend } from './backend'
import type { Rect } from './layout'
import { PLAIN } from './look'
import { WallRenderer, type DrawPath } from './renderer'
import { yuvToRgb } from './webgl'

let log: string[]
let frames: (() => void)[]
let open: number
let openWhenPresented: number
let usable: boolean
let software: boolean
let restored: () => void
let renderer: WallRenderer
let copies: (() => void)[]
let clock: number
/** Null: delays are over at once. */
let delays: { run: () => void; ms: number }[] | null

const cell: Rect = { x: 0, y: 0, width: 100, height: 50 }
const frame = (): void => frames.splice(0).forEach((f) => f())

function planes(width = 200): Picture {
  open++
  return {
    kind: 'planes', width, height: width / 2, matrix: 'bt601', fullRange: false, arrivalUs: 0, ptsUs: 0,
    y: new Uint8Array(1), u: new Uint8Array(1), v: new Uint8Array(1), close: () => open--,
  }
}

function videoFrame(name: number): Picture {
  open++
  const source = {
    format: 'I420', visibleRect: { width: name, height: 2 },
    copyTo: () => new Promise<void>((resolve) => copies.push(resolve)),
  }
  return {
    kind: 'frame', width: name, height: 2, matrix: 'bt601', fullRange: false, arrivalUs: 0, ptsUs: 0,
    frame: source as unknown as VideoFrame, close: () => open--,
  }
}

function make(path?: DrawPath): void {
  const mount = document.createElement('div')
  const backend: DrawBackend = {
    kind: 'webgl2', software, dewarps: true, get usable() { return usable },
    resize: (w, h) => { renderer.canvas.width = w; renderer.canvas.height = h; log.push(`size ${w}x${h}`) },
    upload: (tile, p) => log.push(`up ${tile} ${p.kind} ${p.width}`),
    draw: (tile, c, grey, look, zoom) => {
      const how = `${grey ? ' grey' : ''}${zoom !== undefined && zoom.scale > 1 ? ` ${zoom.scale}x` : ''}${look?.flipX === true ? ' mirrored' : ''}`
      log.push(`draw ${tile} ${c.x},${c.y} ${c.width}x${c.height}${how}`)
      return true
    },
    clear: () => log.push('clear'), forget: (tile) => log.push(`forget ${tile}`), destroy: () => undefined,
  }
  renderer = new WallRenderer(mount, {
    presented: (tile) => { log.push(`presented ${tile}`); openWhenPresented = open }, dropped: (tile) => log.push(`dropped ${tile}`),
  }, {
    ...(path && { path }), requestFrame: (f) => frames.push(f), cancelFrame: () => undefined,
    now: () => clock, delay: (run, ms) => { if (delays === null) run(); else delays.push({ run, ms }) },
    createBackend: (_, r) => { restored = r; return backend },
  })
  renderer.resize(200, 100)
  renderer.place(1, cell)
  renderer.place(2, { ...cell, x: 100 })
  frame()
  frame()
  log = []
}

beforeEach(() => {
  log = []
  frames = []
  copies = []
  clock = 0
  delays = null
  open = 0
  usable = true
  software = false
  vi.stubGlobal('VideoFrame', class { copyTo(): void { /* detected by its presence */ } })
})
afterEach(() => {
  renderer.destroy()
  // Whatever a test did, every picture handed over has been closed.
  expect(open).toBe(0)
  vi.unstubAllGlobals()
})

describe('renderer', () => {
  it('draws the newest picture of a tile once per frame, and only that tile', () => {
    make()
    renderer.push(1, planes(200))
    renderer.push(1, planes(202))
    expect(log).toEqual(['dropped 1'])
    frame()
    expect(log.slice(1)).toEqual(['up 1 planes 202', 'draw 1 0,0 100x50', 'presented 1'])
    expect([openWhenPresented, open], 'closed when it was looked at').toEqual([1, 0])
    frame()
    expect(log).toHaveLength(4)
  })

  it('hides tiles, closes their pictures and draws all again when windows move', () => {
    make()
    renderer.push(1, planes())
    renderer.place(1, null)
    renderer.push(1, planes())
    frame()
    expect(log).toEqual(['clear', 'draw 2 100,0 100x50'])
    expect(open).toBe(0)
  })

  it('greys only what changed', () => {
    make()
    renderer.grey(1, true)
    renderer.grey(2, false)
    frame()
    expect(log).toEqual(['draw 1 0,0 100x50 grey'])
  })

  it('draws a zoom or a look once, without a new picture and without touching the buffer', () => {
    software = true
    make()
    renderer.push(1, planes(200))
    frame()
    log = []
    const zoom = { scale: 4, x: 0.5, y: 0.5 }
    renderer.zoom(1, zoom)
    renderer.zoom(1, zoom)
    renderer.look(1, { ...PLAIN, flipX: true })
    frame()
    frame()
    expect(log).toEqual(['draw 1 0,0 100x50 4x mirrored'])
  })

  it('drops pictures while the context is lost and goes on when it is back', () => {
    make()
    usable = false
    renderer.push(1, planes())
    frame()
    expect([log, open]).toEqual([[], 0])
    usable = true
    restored()
    renderer.push(1, planes())
    frame()
    expect(log).toContain('presented 1')
  })

  it('copies one frame of a tile at a time, the newest next', async () => {
    make('copy')
    renderer.push(1, videoFrame(10))
    renderer.push(1, videoFrame(20))
    renderer.push(1, videoFrame(30))
    expect(copies).toHaveLength(1)
    copies[0]!()
    await settle()
    frame()
    copies[1]!()
    await settle()
    frame()
    expect(log.filter((l) => !l.startsWith('draw'))).toEqual(['dropped 1', 'up 1 planes 10', 'presented 1', 'up 1 planes 30', 'presented 1'])
  })

  it('closes what was copied for a tile that has gone', async () => {
    make('copy')
    renderer.push(1, videoFrame(10))
    renderer.push(1, videoFrame(20))
    renderer.remove(1)
    copies[0]!()
    await settle()
    expect([open, log]).toEqual([0, ['forget 1']])
  })

  it('hands frames to the engine when they cannot be copied', async () => {
    make('copy')
    const opaque = videoFrame(10) as Extract<Picture, { kind: 'frame' }>
    Object.assign(opaque.frame, { format: null })
    renderer.push(1, opaque)
    await settle()
    frame()
    expect(log).toContain('up 1 frame 10')
    expect(renderer.path).toBe('frame')
  })

  it('has no more pixels than the videos where the processor draws', () => {
    software = true
    make()
    renderer.push(1, planes(50))
    frame()
    expect(log).toContain('size 100x50')
    expect(log).toContain('draw 1 0,0 50x25')
    log = []
    renderer.push(2, planes(54)) // not worth a new buffer
    frame()
    expect(log.filter((l) => l.startsWith('size'))).toEqual([])
    renderer.push(2, planes(4000))
    frame()
    expect(log).toContain('size 200x100')
  })
})

describe('many windows where the processor draws', () => {
  it('wait for each other, so that the screen is paid for once', () => {
    software = true
    make()
    for (let tile = 1; tile <= 5; tile++) renderer.place(tile, { ...cell, x: tile * 10 })
    frame()
    delays = []
    log = []
    clock += 10
    renderer.push(1, planes())
    renderer.push(2, planes())
    expect(frames).toHaveLength(0)
    expect(delays.map(({ ms }) => ms)).toEqual([30])
    clock += 30
    delays.splice(0).forEach(({ run }) => run())
    frame()
    expect(log.filter((line) => line.startsWith('presented'))).toEqual(['presented 1', 'presented 2'])
    clock += 1000
    renderer.push(1, planes())
    expect(delays).toHaveLength(0)
    expect(frames).toHaveLength(1)
  })
  it('share a smaller buffer', () => {
    software = true
    make()
    renderer.resize(2000, 1280)
    for (let i = 1; i <= 5; i++) {
      renderer.place(i, { x: i * 200, y: 0, width: 200, height: 100 })
      renderer.push(i, planes(400))
      if (i === 4) {
        frame()
        expect(renderer.canvas.width).toBe(2000)
      }
    }
    frame()
    expect([renderer.canvas.width, renderer.canvas.height]).toEqual([1000, 640])
    expect(log).toContain('draw 5 500,0 100x50')
  })
})

describe('yuvToRgb', () => {
  const convert = (matrix: 'bt601' | 'bt709', full: boolean, yuv: number[]): number[] => {
    const { toRgb: m, offset } = yuvToRgb(matrix, full)
    const v = yuv.map((value, i) => value / 255 - offset[i]!)
    return [0, 1, 2].map((row) => Math.round(255 * (m[row]! * v[0]! + m[3 + row]! * v[1]! + m[6 + row]! * v[2]!)))
  }
  it.each([
    ['bt601', false, [16, 128, 128], [0, 0, 0]],
    ['bt601', false, [235, 128, 128], [255, 255, 255]],
    ['bt601', false, [81, 90, 240], [254, 0, 0]], // red, as 8-bit BT.601 codes it
    ['bt709', false, [63, 102, 240], [255, 1, 0]],
    ['bt601', true, [76, 85, 255], [254, 0, 0]],
    ['bt709', true, [255, 128, 128], [255, 255, 255]],
  ] as const)('%s full=%s %j', (matrix, full, yuv, rgb) => {
    convert(matrix, full, [...yuv]).forEach((value, i) => expect(Math.abs(value - rgb[i]!)).toBeLessThanOrEqual(1))
  })
})
