import { beforeEach, expect, test, vi } from 'vitest'
import { usePlatform } from '@/api/client'
import type { MeteredPolicy } from '@/api/generated'
import { FakePlatform } from '@/platform/fake'
import { network } from '@/stores/network'
import { settings } from '@/stores/settings'
import { useRecording } from './recording'

const toasts: string[] = []
vi.mock('@/lib/toast', () => ({
  toast: (text: string) => Promise.resolve(void toasts.push(text)),
  toastError: (error: { code: string }) => Promise.resolve(void toasts.push(error.code)),
}))

const gate = { device: 'd1', channel: 1, name: 'Gate' }
let core: FakePlatform
const asked = (): unknown[] => core.calls.filter(({ name }) => name === 'record.start' || name === 'snapshot.take').map(({ name, request }) => [name, (request as { profile?: string }).profile])

beforeEach(async () => {
  toasts.length = 0
  core = new FakePlatform()
  core.overrides['record.list'] = () => ({ revision: 1, recordings: [] })
  core.overrides['record.start'] = () => ({}) as never
  core.overrides['snapshot.take'] = () => ({ files: [] })
  usePlatform(Object.assign(core, { network: { metered: () => true, onChange: () => undefined } }))
  await network.start()
})

test.each<[MeteredPolicy, unknown[]]>([
  ['allow', [['record.start', undefined], ['snapshot.take', undefined]]],
  ['subOnly', [['record.start', 'sub'], ['snapshot.take', undefined]]],
  ['stills', [['snapshot.take', undefined]]],
  ['never', []],
])('over mobile data %s binds recordings and snapshots too', async (meteredPolicy, wanted) => {
  await settings.set({ meteredPolicy })
  const { toggle, snapshot } = useRecording(() => undefined, () => undefined)
  await toggle(gate)
  await snapshot(gate, 1)
  expect(asked()).toEqual(wanted)
  expect(toasts.filter((text) => text.startsWith('Not done'))).toHaveLength(2 - wanted.length)
})

test('a snapshot of a recording is of the moment on screen', async () => {
  await settings.set({ meteredPolicy: 'allow' })
  core.overrides['replay.snapshot'] = () => ({ files: [] })
  const { snapshot } = useRecording(() => undefined, () => undefined)
  const recorded = { session: 's', tile: 4, fromUs: 5_000_000 }
  await snapshot(gate, 3, recorded)
  expect(core.calls.filter(({ name }) => /snapshot/.test(name)).map(({ name, request }) => [name, request]))
    .toEqual([['replay.snapshot', { device: 'd1', channel: 1, count: 3, ...recorded }]])
})
