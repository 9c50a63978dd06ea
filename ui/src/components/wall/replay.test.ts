import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick, ref, shallowRef } from 'vue'
import { usePlatform } from '@/api/client'
import { FakePlatform } from '@/platform/fake'
import { network } from '@/stores/network'
import { emptyView, type TileView } from '@/wall/tile'
import type { Wall } from '@/wall/wall'
import ReplayBadge from './ReplayBadge.vue'
import ReplayBar from './ReplayBar.vue'
import { hasBar, useReplay } from './replay'

const toasts: string[] = []
vi.mock('@/lib/toast', () => ({ toast: (text: string) => Promise.resolve(void toasts.push(text)) }))

const NOW = Date.UTC(2026, 6, 1, 12, 0, 0)
const window_ = (index: number, name: string, replay: TileView['replay'] = null): TileView => ({
  ...emptyView(index, { x: 0, y: 0, width: 300, height: 170 }, false), visible: true, channel: { device: 'd', channel: index + 1, name, hasSub: true }, replay,
})

const views = shallowRef<TileView[]>([])
const target = ref<number | null>(0)
let asked: [number, number | null][]
let said: string[]
let made: ReturnType<typeof useReplay>
let host: ReturnType<typeof mount>
let core: FakePlatform

const view = (index: number): TileView | null => views.value[index] ?? null
const wall = (): Wall => ({
  setReplay: (index: number, us: number | null) => asked.push([index, us === null ? null : (us / 1000 - NOW) / 1000]),
  listen: () => undefined,
}) as unknown as Wall

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
  toasts.length = 0
  asked = []
  said = []
  core = new FakePlatform()
  usePlatform(core)
  await network.start()
  target.value = 0
  views.value = [window_(0, 'Gate'), window_(1, 'Yard')]
  host = mount(defineComponent({ setup() {
    made = useReplay({ wall, views, view, target: () => (target.value === null ? null : view(target.value)), say: (text) => said.push(text) })
    return () => h('i')
  } }))
})
afterEach(() => {
  host.unmount()
  vi.useRealTimers()
})

it('goes back an hour, and to live again', () => {
  expect(made.tool.value).toMatchObject({ id: 'hourAgo', text: 'Hour ago', label: 'Hour ago: play what Gate recorded', pressed: false, disabled: false })
  made.tool.value.run()
  expect(asked).toEqual([[0, -3600]])
  views.value = [window_(0, 'Gate', { askedMs: NOW - 3_600_000, atMs: null }), window_(1, 'Yard')]
  expect(made.tool.value).toMatchObject({ text: 'Live', label: 'Live: end the recording of Gate', pressed: true })
  made.tool.value.run()
  expect(asked.at(-1)).toEqual([0, null])
  expect(said).toEqual(['Recording of Gate from one hour ago', 'Gate is live'])
  target.value = null
  expect(made.tool.value).toMatchObject({ label: 'Hour ago', disabled: true })
})

it('steps through the recording, and is live beyond its end', () => {
  views.value = [window_(0, 'Gate', { askedMs: NOW - 3_600_000, atMs: NOW - 120_000 })]
  made.skip(0, -300_000)
  made.skip(0, 30_000)
  made.skip(0, 300_000)
  made.skip(1, 30_000)
  expect(asked).toEqual([[0, -420], [0, -90], [0, null]])
  // Before there is a picture the steps begin at what was asked for.
  views.value = [window_(0, 'Gate', { askedMs: NOW - 3_600_000, atMs: null })]
  made.skip(0, -30_000)
  expect(asked.at(-1)).toEqual([0, -3630])
})

it('says once that it begins later than asked', async () => {
  const shows = async (atMs: number, askedMs = NOW - 3_600_000): Promise<void> => {
    views.value = [window_(0, 'Gate', { askedMs, atMs })]
    await nextTick()
  }
  await shows(NOW - 3_598_000)
  await shows(NOW - 3_000_000)
  expect(toasts, 'played on').toEqual([])
  await shows(NOW - 2_000_000, NOW - 2_500_000)
  await shows(NOW - 1_999_000, NOW - 2_500_000)
  expect(toasts).toHaveLength(1)
  expect(toasts[0]).toMatch(/^Nothing was recorded at .* It begins at /)
})

it('keeps the bar while a device goes on with its next file', () => {
  const replay = { askedMs: NOW, atMs: NOW }
  const of = (phase: TileView['phase'], attempt?: number) =>
    hasBar({ ...window_(0, 'Gate', replay), phase, ...(attempt !== undefined && { code: 'disconnected', attempt }) })
  expect([of('playing'), of('connecting'), of('paused'), of('backoff', 0), of('connecting', 1)]).toEqual([true, true, true, true, true])
  // What stays wrong is told through every further try, up to the picture.
  expect([of('failed', 1), of('backoff', 1), of('connecting', 2), of('backoff', 2)]).toEqual([false, false, false, false])
  expect(hasBar({ ...window_(0, 'Gate'), phase: 'playing' })).toBe(false)
})

it('fetches nothing where bytes cost', async () => {
  usePlatform(Object.assign(core, { network: { metered: () => true, onChange: () => undefined } }))
  await network.start()
  made.tool.value.run()
  expect([asked, toasts.length]).toEqual([[], 1])
})

it('has a bar that says when, and a badge', async () => {
  const bar = mount(ReplayBar, { props: { view: window_(0, 'Gate', { askedMs: NOW, atMs: null }) } })
  expect(bar.get('.when').text()).toContain('Looking for the recording…')
  const buttons = bar.findAll('button')
  for (const button of buttons) await button.trigger('click')
  expect(bar.emitted('skip')).toEqual([[-300_000], [-30_000], [30_000], [300_000]])
  expect(bar.emitted('live')).toHaveLength(1)
  // What is seen is part of what is said (WCAG 2.5.3).
  for (const button of buttons) expect(button.attributes('aria-label')!.toLowerCase()).toContain(button.text().toLowerCase())
  await bar.setProps({ view: window_(0, 'Gate', { askedMs: NOW, atMs: NOW }) })
  expect(bar.get('time').text()).toMatch(/\d{1,2}:\d\d:00/)
  const badge = mount(ReplayBadge, { props: { replay: { askedMs: NOW, atMs: null }, small: false } })
  expect(badge.classes()).toContain('waiting')
  await badge.setProps({ replay: { askedMs: NOW, atMs: NOW + 5000 } })
  expect(badge.text()).toMatch(/:05/)
})
