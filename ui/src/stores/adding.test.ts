import { beforeEach, describe, expect, it, vi } from 'vitest'
import { adding, AT_ONCE, candidateOf } from './adding'
import { devices } from './devices'
import { search, serialsMatch } from './search'
import { usePlatform } from '@/api/client'
import type { DeviceDraft, SearchState } from '@/api/generated'
import { inPool } from '@/lib/pool'
import { failure, fakeDevice, fakeFound, fakeIdentity, FakePlatform } from '@/platform/fake'
import type { Reply } from '@/platform/types'

let core: FakePlatform
const sent = (name: string): unknown[] => core.calls.filter((call) => call.name === name).map((call) => call.request)

beforeEach(() => {
  core = new FakePlatform()
  usePlatform(core)
  devices.reset()
  search.reset()
  adding.end()
})

describe('search', () => {
  it('shows rows as they come and ends by itself', async () => {
    core.found = [fakeFound(), fakeFound({ host: '192.168.1.65' })]
    const done = search.start()
    expect(search.state.running).toBe(true)
    await done
    expect(search.state.running).toBe(false)
    expect(search.state.found.map((one) => one.host)).toEqual(['192.168.1.64', '192.168.1.65'])
    expect(sent('search.next')).toEqual([{ search: 's1', revision: 1 }])
  })

  it('asks every address only when told to', async () => {
    await search.start()
    await search.start(true)
    expect(sent('search.start')).toEqual([{}, { everyAddress: true, seconds: 20 }])
  })

  it('does not let an older search fill the list of a newer one', async () => {
    const late: ((reply: Reply) => void)[] = []
    const state = (id: string, found: SearchState['found']): SearchState => ({ search: id, revision: 2, running: false, found, troubles: [] })
    let started = 0
    usePlatform({
      kind: 'fake',
      rpc: (name, request) => {
        if (name === 'search.start') return Promise.resolve({ ok: { ...state(`s${(started += 1)}`, []), running: true } })
        if ((request as { search: string }).search === 's1') return new Promise((resolve) => late.push(resolve))
        return Promise.resolve({ ok: state('s2', [fakeFound({ host: '10.0.0.2' })]) })
      },
    })
    const first = search.start()
    await vi.waitFor(() => expect(late).toHaveLength(1))
    await search.start()
    late[0]?.({ ok: state('s1', [fakeFound({ host: '10.0.0.1' })]) })
    await first
    expect(search.state.found.map((one) => one.host)).toEqual(['10.0.0.2'])
  })

  it('keeps what was found when it is stopped, and tells the core', async () => {
    const running: SearchState = { search: 's9', revision: 1, running: true, found: [fakeFound()], troubles: [] }
    const calls: string[] = []
    usePlatform({
      kind: 'fake',
      rpc: (name) => {
        calls.push(name)
        // Nothing new: the core lets the page wait.
        return name === 'search.next' ? new Promise(() => undefined) : Promise.resolve({ ok: name === 'search.start' ? running : {} })
      },
    })
    void search.start()
    await vi.waitFor(() => expect(search.state.found).toHaveLength(1))
    await search.stop()
    expect(search.state).toMatchObject({ running: false, error: null, found: [{ host: '192.168.1.64' }] })
    expect(calls).toContain('search.stop')
  })

  it('says why it could not search', async () => {
    core.overrides['search.start'] = () => { throw failure('unsupportedCommand') }
    await search.start()
    expect(search.state).toMatchObject({ running: false, error: { code: 'unsupportedCommand' } })
  })

  it.each([
    ['DS-2CD2143G2-I20230414AAWRK12345678', 'K12345678', true], ['k12345678', 'K12345678', true], ['6K0A2B3PAG12345', '6K0A2B3PAG12345', true],
    ['6K0A2B3PAG12345', '12345', false], ['', '', false], ['ABC', 'ABC', true], ['XABC', 'ABC', false],
  ])('serials %j and %j match: %s', (a, b, match) => expect(serialsMatch(a, b)).toBe(match))

  it('finds the device of a label', async () => {
    core.found = [fakeFound({ identity: fakeIdentity({ serial: 'DS-2CD2143G2-I20230414AAWRK12345678' }) })]
    await search.start()
    expect(search.bySerial('K12345678')?.host).toBe('192.168.1.64')
    expect(search.bySerial('K99999999')).toBeNull()
  })
})

describe('adding several', () => {
  const many = (hosts: string[], activated = true): void => adding.beginMany(hosts.map((host) => candidateOf(fakeFound({ host, activated }), 'search')))
  const login = () => ({ user: 'admin', password: 'Wxkqpz74-t' })

  it('asks at most three at a time', async () => {
    let [now, most] = [0, 0]
    await inPool([1, 2, 3, 4, 5, 6, 7], AT_ONCE, async () => {
      now += 1
      most = Math.max(most, now)
      await Promise.resolve()
      now -= 1
    })
    expect(most).toBe(3)
  })

  it('goes on after a failure, tries each device once, and repeats only what failed', async () => {
    many(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'])
    core.overrides['devices.add'] = (draft: DeviceDraft) => {
      if (draft.host === '10.0.0.2') throw failure('wrongPassword', null, 3)
      return fakeDevice({ id: draft.host ?? '', host: draft.host ?? '' })
    }
    await adding.addMany(login)
    expect(adding.state.jobs.map((job) => job.state)).toEqual(['done', 'failed', 'done', 'done'])
    expect(adding.state.jobs[1]?.error).toMatchObject({ code: 'wrongPassword', triesLeft: 3 })
    expect(sent('devices.add')).toHaveLength(4)
    expect(sent('devices.add')[0]).toMatchObject({ host: '10.0.0.1', family: 'onvif', addedBy: 'search', user: 'admin', password: 'Wxkqpz74-t' })
    expect(JSON.stringify(sent('devices.add'))).not.toContain('spendLastTry')
    await adding.addMany(login, () => false)
    expect(sent('devices.add'), 'a refused login is not sent again').toHaveLength(4)
    await adding.addMany(login)
    expect(sent('devices.add')).toHaveLength(5)
  })

  it('gives a factory-fresh device its first password, once', async () => {
    core.found = [fakeFound({ host: '10.0.0.1', activated: false })]
    many(['10.0.0.1'], false)
    core.overrides['devices.add'] = () => { throw failure('timeout') }
    await adding.addMany(login)
    await adding.addMany(login)
    expect(sent('devices.activate')).toEqual([{ host: '10.0.0.1', ports: {}, password: 'Wxkqpz74-t' }])
    expect(sent('devices.add')).toHaveLength(2)
  })
})

it('asks who answers without telling a login', async () => {
  core.found = [fakeFound()]
  await adding.recognise({ host: '192.168.1.64', user: 'admin', password: 'secret', name: 'x', acceptCertificate: 'ab', spendLastTry: true })
  expect(sent('devices.recognise')).toEqual([{ host: '192.168.1.64' }])
})

it('collects the parts of a card, each once', () => {
  adding.beginCard('a')
  expect(adding.addCardPart('b')).toBe(true)
  expect(adding.addCardPart('a')).toBe(false)
  expect(adding.state.cardTexts).toEqual(['a', 'b'])
  adding.end()
  expect(adding.state.cardTexts).toEqual([])
})
