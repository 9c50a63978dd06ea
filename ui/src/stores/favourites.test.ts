import { beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { devices } from './devices'
import { favourites } from './favourites'
import { memory } from './memory'
import { network } from './network'
import { settings } from './settings'
import { windows } from './windows'
import { usePlatform } from '@/api/client'
import { nextToKeep } from '@/components/favourites/services'
import { formatBytes } from '@/lib/bytes'
import { countries, formatMonth } from '@/lib/region'
import { fakeChannel, fakeDevice, FakePlatform } from '@/platform/fake'
import { emptyView } from '@/wall/tile'

let core: FakePlatform

const recorder = (id: string, n: number) => fakeDevice({ id, name: id, channels: Array.from({ length: n }, (_, at) => fakeChannel(at + 1)) })
const shown = (): string => windows.channels.value.map((one) => (one === null ? '-' : `${one.device}${one.channel}`)).join(' ')
const a = (channel: number) => ({ device: 'a', channel })

async function have(...list: ReturnType<typeof fakeDevice>[]): Promise<void> {
  core.devices = list
  await devices.refresh()
}

beforeEach(async () => {
  memory.stop()
  core = new FakePlatform()
  usePlatform(core)
  devices.reset()
  windows.reset()
  favourites.reset()
  await settings.load()
  await have(recorder('a', 4))
})

describe('a group on the wall', () => {
  it('has its own layout and gives the other wall back as it was', async () => {
    windows.swap(0, 1)
    const yard = await favourites.create('Yard', [a(3), a(1)])
    await favourites.open(yard.id)
    expect([shown(), settings.state.layout, favourites.homeLayout()]).toEqual(['a3 a1', 2, 4])
    await settings.set({ layout: 9 })
    await nextTick()
    expect(core.favourites[0]?.layout).toBe(9)
    await favourites.leave()
    expect([shown(), settings.state.layout, favourites.current.value]).toEqual(['a2 a1 a3 a4', 4, null])
    await settings.set({ layout: 16 })
    expect(core.favourites[0]?.layout).toBe(9)
  })

  it('follows its members, and ends when other cameras are chosen', async () => {
    const yard = await favourites.create('Yard', [a(1)])
    await favourites.open(yard.id)
    await favourites.add(yard.id, [a(4)])
    await nextTick()
    expect(shown()).toBe('a1 a4')
    windows.showOnly([a(2)])
    expect(favourites.current.value).toBeNull()
    await settings.set({ layout: 1 })
    expect(core.favourites[0]?.layout).toBe(1)
    await favourites.all()
    expect(shown()).toBe('a1 a2 a3 a4')
  })

  it('does not take in a new device, which waits on the other wall', async () => {
    const yard = await favourites.create('Yard', [a(1)])
    await favourites.open(yard.id)
    await have(recorder('a', 4), recorder('b', 1))
    expect([shown(), favourites.state.open]).toEqual(['a1', yard.id])
    await favourites.leave()
    expect(shown()).toBe('a1 a2 a3 a4 b1')
  })

  it('leaves the wall when it is deleted', async () => {
    const yard = await favourites.create('Yard', [a(1)])
    await favourites.open(yard.id)
    expect(await favourites.remove(yard.id)).toBe(5000)
    expect([shown(), favourites.state.list.length]).toEqual(['a1 a2 a3 a4', 0])
    await favourites.restore(yard.id)
    expect(favourites.byId(yard.id)?.name).toBe('Yard')
  })
})

describe('memory play', () => {
  it('brings back windows and layout when asked', async () => {
    core.memory = { layout: 9, page: 0, group: null, homeLayout: null, enlarged: null, windows: [null, a(2)] }
    await memory.start()
    expect([shown(), memory.canReplay.value]).toEqual(['a1 a2 a3 a4', true])
    await memory.replay()
    expect([shown(), settings.state.layout, memory.canReplay.value]).toEqual(['- a2', 9, false])
  })

  it('brings back a group by itself, and keeps the layout it goes back to', async () => {
    core.settings = { ...core.settings, memoryPlay: true, layout: 6 }
    core.favourites = [{ id: 'g', name: 'Yard', layout: 6, channels: [a(4)] }]
    core.memory = { layout: 6, page: 0, group: 'g', homeLayout: 16, enlarged: null, windows: [a(4)] }
    devices.reset()
    await settings.load()
    await memory.start()
    expect(favourites.state.open).toBeNull()
    await devices.refresh()
    await nextTick()
    await new Promise((resolve) => setTimeout(resolve))
    expect([shown(), favourites.state.open, settings.state.layout]).toEqual(['a4', 'g', 6])
    await favourites.leave()
    expect([shown(), settings.state.layout]).toEqual(['a1 a2 a3 a4', 16])
  })

  it('shows all cameras where none of the remembered ones is left, and no empty wall', async () => {
    core.settings = { ...core.settings, layout: 1 }
    core.memory = { layout: 1, page: 0, group: 'gone', homeLayout: 9, enlarged: null, windows: [{ device: 'b', channel: 1 }] }
    await memory.start()
    await memory.replay()
    expect([shown(), settings.state.layout]).toEqual(['a1 a2 a3 a4', 9])
    core.memory = { layout: 4, page: 0, group: null, homeLayout: null, enlarged: null, windows: [null, null] }
    await memory.start()
    await memory.replay()
    // A wall that was emptied stays so.
    expect([shown(), settings.state.layout]).toEqual(['', 4])
  })

  it('without it the wall begins with the layout it had without the group', async () => {
    core.settings = { ...core.settings, layout: 6 }
    core.memory = { layout: 6, page: 0, group: 'g', homeLayout: 16, enlarged: null, windows: [a(4)] }
    await settings.load()
    await memory.start()
    expect([shown(), settings.state.layout]).toEqual(['a1 a2 a3 a4', 16])
  })
})

describe('a metered network', () => {
  it('is asked about, agreed to once, and counted', async () => {
    await network.start()
    expect(network.allowance.value).toBe('all')
    core.metered = true
    await network.look()
    expect([network.allowance.value, network.reason.value]).toEqual(['none', 'ask'])
    network.playOnce()
    expect(network.allowance.value).toBe('all')
    core.metered = false
    await network.look()
    core.metered = true
    await network.look()
    expect(network.reason.value).toBe('ask')
    const told = core.calls.filter((call) => call.name === 'traffic.network').map((call) => (call.request as { metered: boolean }).metered)
    expect(told).toEqual([false, true, false, true])
    await settings.set({ meteredPolicy: 'subOnly' })
    expect([network.allowance.value, network.reason.value]).toEqual(['sub', 'policy'])
    await settings.set({ meteredPolicy: 'stills' })
    expect(network.allowance.value).toBe('stills')
    core.meteredBytes = 2_000_000
    await settings.set({ meteredPolicy: 'allow', meteredCapMb: 2 })
    await network.look()
    expect([network.allowance.value, network.reason.value]).toEqual(['none', 'cap'])
    await settings.set({ meteredCapMb: 3 })
    expect(network.allowance.value).toBe('all')
    core.metered = false
    await network.look()
  })
})

it('keeps the picture that is oldest, and only of windows that play', () => {
  const rect = { x: 0, y: 0, width: 10, height: 10 }
  const view = (index: number, phase: 'playing' | 'paused') => ({
    ...emptyView(index, rect, false), channel: { device: 'a', channel: index, name: '', hasSub: true }, phase, hasPicture: true, visible: true,
  })
  const kept = new Map([[1, 500_000], [2, 100_000]])
  const at = (_: string, channel: number): number | null => kept.get(channel) ?? null
  expect(nextToKeep([view(1, 'playing'), view(2, 'playing'), view(3, 'paused')], at, 510_000)).toBe(2)
  expect(nextToKeep([view(1, 'playing'), view(3, 'paused')], at, 510_000)).toBeNull()
  expect(nextToKeep([view(1, 'playing'), view(4, 'playing')], at, 510_000)).toBe(4)
})

it('writes amounts and months as the country does', async () => {
  expect([0, 999, 12_345, 1_500_000, 230_000_000, 1_250_000_000].map(formatBytes)).toEqual(['0 B', '999 B', '12 kB', '1.5 MB', '230 MB', '1.3 GB'])
  expect(formatMonth('2026-11')).toBe('November 2026')
  await settings.set({ country: 'DE' })
  expect(formatMonth('nonsense')).toBe('nonsense')
  const all = countries()
  expect(all).toHaveLength(249)
  expect(new Set(all.map((one) => one.name)).size).toBe(249)
})
