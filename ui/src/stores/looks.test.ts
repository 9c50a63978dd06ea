import { beforeEach, expect, it, vi } from 'vitest'
import { looks, readLook } from './looks'
import { startOf } from '@/wall/fisheye'
import { type Look, PLAIN } from '@/wall/look'

const gate = { device: 'd1', channel: 2 }
const KEY = 'bartizan.looks'
const turned: Look = { ...PLAIN, turn: 90, hue: 70, fisheye: { ...startOf('desk', 'eptz'), pan: -20, circle: { x: 0.5, y: 0.4, radius: 0.3 } } }

beforeEach(() => {
  window.localStorage.clear()
  looks.reload()
})

it('remembers how a channel was shown, over a new start too', () => {
  expect(looks.of(gate)).toBe(PLAIN)
  looks.set(gate, turned)
  expect(looks.of({ ...gate, channel: 3 })).toBe(PLAIN)
  looks.reload()
  expect(looks.of(gate)).toEqual(turned)
})

it('keeps nothing for a plain picture, and the newest of very many', () => {
  looks.set(gate, turned)
  looks.set(gate, { ...PLAIN })
  expect(window.localStorage.getItem(KEY)).toBe('[]')
  for (let channel = 0; channel < 300; channel++) looks.set({ device: 'd', channel }, turned)
  looks.set({ device: 'd', channel: 100 }, turned)
  looks.reload()
  expect(looks.of({ device: 'd', channel: 0 })).toBe(PLAIN)
  expect(looks.of({ device: 'd', channel: 100 })).toEqual(turned)
  expect(looks.of({ device: 'd', channel: 299 })).toEqual(turned)
})

it.each(['', '{', '7', '[1,[2],["x"],["x",null]]', '[["2 d1",{"brightness":"50"}]]'])('starts plain from %s', (stored) => {
  window.localStorage.setItem(KEY, stored)
  looks.reload()
  expect(looks.of(gate)).toBe(PLAIN)
})

it('draws with nothing that is out of range', () => {
  expect(readLook(turned)).toEqual(turned)
  expect(readLook({ ...turned, hue: 101 })).toBeNull()
  expect(readLook({ ...turned, turn: 45 })).toBeNull()
  expect(readLook({ ...turned, flipX: 1 })).toBeNull()
  expect(readLook({ ...turned, fisheye: { ...turned.fisheye, mount: 'floor' } })?.fisheye).toBeNull()
  expect(readLook({ ...turned, fisheye: { ...turned.fisheye, mount: 'wall', view: 'double' } })?.fisheye).toBeNull()
  expect(readLook({ ...turned, fisheye: { ...turned.fisheye, zoom: 9 } })?.fisheye).toBeNull()
  expect(readLook({ ...turned, fisheye: { ...turned.fisheye, circle: { x: 0, y: 0, radius: 9 } } })?.fisheye?.circle).toBeNull()
})

it('works where nothing may be stored', () => {
  const refuse = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => { throw new Error('quota') })
  looks.set(gate, turned)
  expect(looks.of(gate)).toEqual(turned)
  refuse.mockRestore()
})
