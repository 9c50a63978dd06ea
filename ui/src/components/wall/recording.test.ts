import { beforeEach, expect, test, vi } from 'vitest'
import { ApiError, usePlatform } from '@/api/client'
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
const recorded = { session: 's', tile: 4, fromUs: 5_000_000 }
const capture = (): Promise<never> => Promise.reject(new Error('not asked'))
const live = { recorded: null, capture }
let core: FakePlatform
const taken = (): unknown[] => core.calls.filter(({ name }) => /snapshot|keep/.test(name)).map(({ name, request }) => [name, request])
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
  await snapshot(gate, 1, live)
  expect(asked()).toEqual(wanted)
  expect(toasts.filter((text) => text.startsWith('Not done'))).toHaveLength(2 - wanted.length)
})

test('a snapshot of a recording is of the moment on screen', async () => {
  await settings.set({ meteredPolicy: 'allow' })
  core.overrides['replay.snapshot'] = () => ({ files: [] })
  const { snapshot } = useRecording(() => undefined, () => undefined)
  await snapshot(gate, 3, { recorded, capture })
  expect(taken()).toEqual([['replay.snapshot', { device: 'd1', channel: 1, count: 3, ...recorded }]])
})

test.each([['snapshot.take', null], ['replay.snapshot', recorded]] as const)('what %s cannot decode is taken from the screen', async (command, playing) => {
  await settings.set({ meteredPolicy: 'allow' })
  core.overrides[command] = () => { throw new ApiError('unsupportedCodec', 'H.265', null) }
  core.overrides['snapshot.keep'] = () => ({}) as never
  const { snapshot } = useRecording((text) => void toasts.push(text), () => undefined)
  const shown = [5_040_000, 5_320_000].map((atUs) => ({ atUs, jpeg: new Blob([new Uint8Array([0xff, 0xd8])]) }))
  await snapshot(gate, 2, { recorded: playing, capture: (count) => Promise.resolve(shown.slice(0, count)) })
  expect(taken().slice(1)).toEqual(shown.map(({ atUs }) => ['snapshot.keep', { device: 'd1', channel: 1, atUs, jpeg: '/9g=' }]))
  expect(toasts[0]).toBe('2 pictures were taken')

  toasts.length = 0
  await snapshot(gate, 2, { recorded: playing, capture: () => Promise.resolve([]) })
  expect(toasts, 'nothing was on screen either').toEqual(['unsupportedCodec'])
})

test('any other trouble of a snapshot is told', async () => {
  await settings.set({ meteredPolicy: 'allow' })
  core.overrides['replay.snapshot'] = () => { throw new ApiError('diskFull', '', null) }
  const { snapshot } = useRecording(() => undefined, () => undefined)
  await snapshot(gate, 2, { recorded, capture })
  expect(toasts).toEqual(['diskFull'])
})
