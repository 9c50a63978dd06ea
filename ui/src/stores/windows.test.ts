import { beforeEach, describe, expect, it } from 'vitest'
import { devices } from './devices'
import { settings } from './settings'
import { windows } from './windows'
import { usePlatform } from '@/api/client'
import { fakeChannel, fakeDevice, FakePlatform } from '@/platform/fake'

let core: FakePlatform

const recorder = (id: string, n: number) => fakeDevice({ id, name: id, channels: Array.from({ length: n }, (_, at) => fakeChannel(at + 1)) })
const shown = (): string => windows.channels.value.map((one) => (one === null ? '-' : `${one.device}${one.channel}`)).join(' ')

async function have(...list: ReturnType<typeof fakeDevice>[]): Promise<void> {
  core.devices = list
  await devices.refresh()
}

beforeEach(async () => {
  core = new FakePlatform()
  usePlatform(core)
  devices.reset()
  windows.reset()
  await settings.load()
})

describe('windows', () => {
  it('are all channels in order until somebody arranges them', async () => {
    await have(recorder('a', 2), recorder('b', 1))
    expect(shown()).toBe('a1 a2 b1')
    await have(recorder('b', 1))
    expect(shown()).toBe('b1')
  })

  it('change places, also with an empty one and one behind the end', async () => {
    await have(recorder('a', 3))
    windows.swap(0, 2)
    expect(shown()).toBe('a3 a2 a1')
    windows.swap(2, 5)
    expect(shown()).toBe('a3 a2 - - - a1')
    windows.swap(5, 2)
    expect(shown()).toBe('a3 a2 a1')
  })

  it('stay empty when closed, so that no other picture jumps', async () => {
    await have(recorder('a', 4))
    windows.close(1)
    expect(shown()).toBe('a1 - a3 a4')
    const before = windows.keep()
    windows.close(3)
    expect(shown()).toBe('a1 - a3')
    windows.undo(before)
    expect(shown()).toBe('a1 - a3 a4')
    windows.close(3)
    expect([windows.firstEmpty(), windows.count.value]).toEqual([1, 2])
    windows.closeAll()
    expect([shown(), windows.firstEmpty(), windows.count.value]).toEqual(['', 0, 0])
  })

  it('show a channel once: choosing it again moves it', async () => {
    await have(recorder('a', 3))
    windows.show(2, { device: 'a', channel: 1 })
    expect(shown()).toBe('- a2 a1')
    windows.show(0, { device: 'a', channel: 3 })
    expect(shown()).toBe('a3 a2 a1')
    windows.show(5, { device: 'a', channel: 2 })
    expect(shown()).toBe('a3 - a1 - - a2')
  })

  it('show only what was chosen, or that too', async () => {
    await have(recorder('a', 4))
    windows.showOnly([{ device: 'a', channel: 4 }, { device: 'a', channel: 2 }])
    expect(shown()).toBe('a4 a2')
    windows.close(0)
    windows.showAlso([{ device: 'a', channel: 2 }, { device: 'a', channel: 3 }, { device: 'a', channel: 1 }])
    expect(shown()).toBe('a3 a2 a1')
  })

  it('take in a device that is new, and only one that is', async () => {
    await have(recorder('a', 3))
    windows.close(1)
    await have(recorder('a', 3), recorder('b', 2))
    expect(shown()).toBe('a1 b1 a3 b2')
    windows.close(1)
    await have(recorder('a', 3), recorder('b', 2))
    expect(shown()).toBe('a1 - a3 b2')
    windows.closeAll()
    await have(recorder('a', 3), recorder('b', 2), recorder('c', 1))
    expect(shown()).toBe('c1')
  })

  it('keep the place of a deleted device until somebody else takes it', async () => {
    await have(recorder('a', 1), recorder('b', 1), recorder('c', 1))
    windows.swap(0, 1)
    await have(recorder('a', 1), recorder('c', 1))
    expect(shown()).toBe('- a1 c1')
    windows.swap(1, 2)
    await have(recorder('a', 1), recorder('b', 1), recorder('c', 1))
    expect(shown()).toBe('b1 c1 a1')
    await have(recorder('a', 1), recorder('c', 1))
    windows.show(0, { device: 'a', channel: 1 })
    await have(recorder('a', 1), recorder('b', 1), recorder('c', 1))
    expect(shown()).toBe('a1 c1')
  })

  it('are plain data that can be kept and brought back', async () => {
    await have(recorder('a', 3))
    windows.showOnly([{ device: 'a', channel: 3 }, { device: 'a', channel: 1 }])
    windows.swap(1, 2)
    const kept = JSON.parse(JSON.stringify(windows.snapshot()))
    expect(kept).toEqual({ layout: 4, windows: [{ device: 'a', channel: 3 }, null, { device: 'a', channel: 1 }] })
    windows.reset()
    await windows.restore({ ...kept, layout: 9 })
    expect([shown(), settings.state.layout]).toEqual(['a3 - a1', 9])
    await windows.restore({ layout: 9, windows: [{ device: 'gone', channel: 1 }, { device: 'a', channel: 2 }] })
    expect(shown()).toBe('- a2')
  })
})
