import { beforeEach, describe, expect, it } from 'vitest'
import { devices } from './devices'
import { settings } from './settings'
import { ApiError, usePlatform } from '@/api/client'
import { failure, FakePlatform } from '@/platform/fake'
import { ShellGone } from '@/platform/types'

let core: FakePlatform

beforeEach(() => {
  core = new FakePlatform()
  usePlatform(core)
  devices.reset()
})

describe('devices', () => {
  it('adds, renames, deletes and brings back', async () => {
    await devices.add({ host: 'gate', port: 554, name: 'Gate' })
    expect(devices.state.devices.map((one) => one.name)).toEqual(['Gate'])
    await devices.update('d1', { port: 554, name: 'North gate' })
    expect(devices.byId('d1')?.name).toBe('North gate')
    expect(await devices.remove('d1')).toBe(5000)
    expect(devices.state.devices).toEqual([])
    await devices.restore('d1')
    expect(devices.byId('d1')?.name).toBe('North gate')
  })

  it('tells once which devices were edited', async () => {
    await devices.add({ host: 'gate', port: 554 })
    await devices.update('d1', { port: 554, transport: 'tcp' })
    expect([...devices.takeChanged()]).toEqual(['d1'])
    expect(devices.takeChanged().size).toBe(0)
  })

  it('does not let a late answer undo a newer one', async () => {
    await devices.add({ host: 'gate', port: 554 })
    core.overrides['devices.list'] = () => ({ revision: 0, devices: [] })
    await devices.refresh()
    expect(devices.state.devices).toHaveLength(1)
  })

  it('keeps the list and says why when it cannot be read', async () => {
    await devices.add({ host: 'gate', port: 554 })
    core.overrides['devices.list'] = () => { throw failure('storage') }
    await devices.refresh()
    expect(devices.state.error?.code).toBe('storage')
    expect(devices.state.devices).toHaveLength(1)
  })

  it('passes a failure on with its code and its waiting time', async () => {
    core.overrides['devices.add'] = () => { throw failure('locked', 90_000) }
    await expect(devices.add({ host: 'gate', port: 554 })).rejects.toMatchObject({ code: 'locked', retryAfterMs: 90_000 })
  })

  it('tells a gone program from a failed command', async () => {
    usePlatform({ kind: 'fake', rpc: () => Promise.reject(new ShellGone('closed')) })
    await devices.refresh()
    expect(devices.state.error).toBeInstanceOf(ApiError)
    expect(devices.state.error?.code).toBe('shellGone')
  })
})

describe('settings', () => {
  it('reads settings and what runs behind the page', async () => {
    await settings.load()
    expect(settings.state.language).toBe('en')
    expect(settings.state.info?.keyStorage).toBe('keyFile')
  })

  it('takes effect at once and goes back when refused', async () => {
    await settings.load()
    core.overrides['settings.set'] = () => { throw failure('diskFull') }
    const done = settings.set({ hardDecoding: false })
    expect(settings.state.hardDecoding).toBe(false)
    await expect(done).rejects.toMatchObject({ code: 'diskFull' })
    expect(settings.state.hardDecoding).toBe(true)
  })
})
