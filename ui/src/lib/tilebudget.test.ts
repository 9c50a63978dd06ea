import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import BudgetBadge from '@/components/wall/BudgetBadge.vue'
import TileInfo from '@/components/wall/TileInfo.vue'
import type { Rung } from '@/wall/budget'
import type { TileView } from '@/wall/wall'
import { tileFacts, tileLabel, tileWords } from './tile'
import { budgetShort, budgetText, budgetWhy, reducedTo } from './tilebudget'

const work = { receivedFps: 15.1, decodedFps: 15, presentedFps: 14.6, queue: 0, waitMs: 12, overruns: 0, rebuilds: 0 }
const at = (rung: Rung, more: Partial<TileView> = {}, kept = false): TileView => ({
  index: 0, channel: { device: 'a', channel: 1, name: 'Gate', hasSub: true }, phase: 'playing', code: null, detail: null,
  retryAtMs: null, ageMs: 7400, hasPicture: true, profile: 'sub', path: 'webcodecs', transport: 'tcp', width: 640, height: 360,
  rect: { x: 0, y: 0, width: 97, height: 55 }, visible: true, selected: false, enlarged: false, zoom: 1,
  budget: { rung, kept, evicted: false, work }, ...more,
})
const words = (view: TileView) => tileWords(view, 0, 'auto', true)

it.each([
  ['full', null, null, null],
  ['sub', 'SD for now', 'SD', 'SD instead of HD: this device is busy.'],
  ['keys', 'Fewer pictures', 'Fewer', 'Key pictures only: this device is busy.'],
  ['stills', 'Still, 7 s', '7 s', 'A still every ten seconds: this device is busy.'],
] as const)('says %s in words', (rung, text, short, why) => {
  const view = at(rung)
  expect([budgetText(view), budgetShort(view), budgetWhy(view)]).toEqual([text, short, why])
})

it('says nothing of a window that has other worries, or that nobody sees', () => {
  expect(reducedTo(at('keys', { phase: 'backoff' }))).toBeNull()
  expect(reducedTo(at('keys', { visible: false }))).toBeNull()
})

it('tells screen readers why, and does not count the age of a key picture beside the badge', () => {
  expect(tileLabel(at('keys'), words(at('keys')))).toContain('Key pictures only: this device is busy.')
  expect(words(at('keys')).text).toBeNull()
  expect(words(at('sub')).text).toBe('7.4 s old')
})

it('tells what was measured', () => {
  const facts = (more: object, view: Partial<TileView> = {}) => tileFacts(at('full', { ...view, ageMs: 200, budget: { rung: 'full', kept: false, evicted: false, work: { ...work, ...more } } }))
  expect(facts({})).toBe('200 ms old · SD · 640×360 · TCP · 15 fps')
  expect(facts({ presentedFps: 6, waitMs: 412 })).toBe('200 ms old · SD · 640×360 · TCP · 6 of 15 fps · 410 ms behind')
  expect(facts({}, { path: 'openh264' })).toContain('software')
})

it('has a button where there is room for one', async () => {
  const small = mount(BudgetBadge, { props: { view: at('keys'), focusable: true } })
  expect([small.find('button').exists(), small.text(), small.attributes('aria-hidden')]).toEqual([false, 'Fewer', 'true'])
  const large = mount(BudgetBadge, { props: { view: at('keys', { rect: { x: 0, y: 0, width: 300, height: 169 } }), focusable: true } })
  expect(large.get('button').attributes('aria-label')).toBe('Key pictures only: this device is busy. Why, and what to do about it')
  await large.get('button').trigger('click')
  expect(large.emitted('explain')).toHaveLength(1)
})

it('offers to keep the selected window full, unless it is asked for already', async () => {
  const mounted = (view: TileView) => mount(TileInfo, { props: { view, words: words(view) }, global: { stubs: { RouterLink: true } } })
  const info = mounted(at('keys'))
  await info.findAll('button').find((button) => button.text() === 'Keep full')!.trigger('click')
  expect(info.emitted('keep')).toHaveLength(1)
  const kept = mounted(at('keys', {}, true))
  expect(kept.text()).toContain('this device cannot do more now')
  expect(kept.text()).not.toContain('Keep full')
})
