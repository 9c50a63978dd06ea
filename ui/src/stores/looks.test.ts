import { beforeEach, expect, it, vi } from 'vitest'
import { usePlatform } from '@/api/client'
import type { ChannelLook } from '@/api/generated'
import { failure, FakePlatform } from '@/platform/fake'
import { looks, readLook } from './looks'
import { startOf } from '@/wall/fisheye'
import { type Look, PLAIN } from '@/wall/look'

const gate = { device: 'd1', channel: 2 }
const OLD_KEY = 'bartizan.looks'
const turned: Look = { ...PLAIN, turn: 90, hue: 70, fisheye: { ...startOf('desk', 'eptz'), pan: -20, circle: { x: 0.5, y: 0.4, radius: 0.3 } } }

let core: FakePlatform
const told = (): ChannelLook[] => core.calls.filter(({ name }) => name === 'looks.set').map(({ request }) => request as ChannelLook)

/** As a new page does. */
async function again(): Promise<void> {
  looks.reset()
  await looks.start()
}

beforeEach(() => {
  window.localStorage.clear()
  looks.reset()
  usePlatform((core = new FakePlatform()))
})

it('remembers how a channel was shown, over a new start too', async () => {
  await looks.start()
  expect(looks.of(gate)).toBe(PLAIN)
  looks.set(gate, turned)
  expect(looks.of(gate)).toEqual(turned)
  expect(looks.of({ ...gate, channel: 3 })).toBe(PLAIN)
  looks.save()
  await again()
  expect(looks.of(gate)).toEqual(turned)
  looks.set(gate, { ...PLAIN })
  looks.save()
  expect(told().at(-1)).toEqual({ ...gate, look: null })
  await again()
  expect(looks.of(gate)).toBe(PLAIN)
  expect(window.localStorage.length).toBe(0)
})

it('tells the core once for a whole movement of the hand', () => {
  vi.useFakeTimers()
  for (let hue = 50; hue <= 70; hue++) looks.set(gate, { ...turned, hue })
  expect(told()).toEqual([])
  vi.advanceTimersByTime(1000)
  expect(told().map(({ look }) => (JSON.parse(look ?? '') as Look).hue)).toEqual([70])
  vi.useRealTimers()
})

it('hands over what an older version kept in the page, once', async () => {
  const kept = [['2 d1', turned], ['3 gone', turned], ['4 d1', { brightness: '50' }]]
  window.localStorage.setItem(OLD_KEY, JSON.stringify(kept))
  core.overrides['looks.set'] = () => { throw failure('storage') }
  await looks.start()
  expect(looks.of(gate)).toEqual(turned)
  expect(window.localStorage.getItem(OLD_KEY), 'not before the core has it').not.toBeNull()
  core.overrides['looks.set'] = (request) => {
    if ((request as ChannelLook).device === 'gone') throw failure('notFound')
    core.looks.set('2 d1', request as ChannelLook)
    return {}
  }
  await again()
  expect(window.localStorage.getItem(OLD_KEY)).toBeNull()
  await again()
  expect(looks.of(gate)).toEqual(turned)
  expect(looks.of({ device: 'gone', channel: 3 })).toBe(PLAIN)
})

it('the core knows better than what was left', async () => {
  await looks.start()
  looks.set(gate, { ...turned, hue: 10 })
  looks.save()
  window.localStorage.setItem(OLD_KEY, JSON.stringify([['2 d1', turned]]))
  await again()
  expect(looks.of(gate).hue).toBe(10)
})

it.each(['', '{', '7', '[1,[2],["x"],["x",null]]', '[["2 d1",{"brightness":"50"}]]'])('starts plain from %s', async (stored) => {
  window.localStorage.setItem(OLD_KEY, stored)
  await looks.start()
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
