import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BIN, useCarry } from './carry'
import LayoutPanel from './LayoutPanel.vue'
import PageDots from './PageDots.vue'
import ToolStrip from './ToolStrip.vue'
import { inOrder, shifted, type WallTool } from './tools'
import WallTile from './WallTile.vue'
import { tileWords } from '@/lib/tile'
import { LAYOUTS } from '@/wall/layout'
import { emptyView, type TileView } from '@/wall/tile'

const tool = (id: string): WallTool => ({ id, icon: '', text: id, label: `${id} all`, run: vi.fn() })
const ids = (tools: { id: string }[]): string => tools.map((one) => one.id).join('')

describe('the tools', () => {
  const tools = ['a', 'b', 'c', 'd'].map(tool)
  it.each([[[], 'abcd'], [['c', 'a'], 'cabd'], [['d', 'gone', 'b'], 'dbac'], [['d', 'c', 'b', 'a'], 'dcba']])('in the order %j are %s', (order, want) => {
    expect(ids(inOrder(tools, order))).toBe(want)
  })
  it('move by one or by many', () => {
    expect(ids(shifted(tools, 0, 3))).toBe('bcda')
    expect(ids(shifted(tools, 3, 2))).toBe('abdc')
    expect(ids(tools)).toBe('abcd')
  })
  it('say what they are and run', async () => {
    const strip = mount(ToolStrip, { props: { tools: [{ ...tool('pause'), disabled: true }, { ...tool('close'), pressed: true }], label: 'Tools' } })
    expect(strip.get('[role=toolbar]').attributes('aria-label')).toBe('Tools')
    const [pause, close] = strip.findAll('button')
    expect([pause!.attributes('aria-label'), pause!.attributes('disabled'), pause!.attributes('aria-pressed')]).toEqual(['pause all', '', undefined])
    expect(close!.attributes('aria-pressed')).toBe('true')
    await close!.trigger('click')
    expect(strip.props('tools')[1]!.run).toHaveBeenCalledOnce()
  })
})

describe('layouts and pages', () => {
  it('offers every layout, and closes for a finger but not for an arrow key', async () => {
    const panel = mount(LayoutPanel, { props: { layout: 4 } })
    const radios = panel.findAll('input')
    expect(radios.map((radio) => Number(radio.element.value))).toEqual([...LAYOUTS])
    await radios[3]!.setValue(true)
    expect(panel.emitted('layout')).toEqual([[6]])
    await radios[3]!.trigger('click', { detail: 0 })
    expect(panel.emitted('close')).toBeUndefined()
    await radios[3]!.trigger('click', { detail: 1 })
    expect(panel.emitted('close')).toHaveLength(1)
  })
  it('has a dot for each page, or a number where they are many', async () => {
    const dots = mount(PageDots, { props: { page: 1, pages: 3 } })
    expect(dots.findAll('.dots i').map((dot) => dot.classes('on'))).toEqual([false, true, false])
    const [previous, next] = dots.findAll('button')
    await previous!.trigger('click')
    await next!.trigger('click')
    expect(dots.emitted('page')).toEqual([[0], [2]])
    await dots.setProps({ page: 15, pages: 16 })
    expect(dots.get('.count').text()).toBe('16/16')
    expect(next!.attributes('disabled')).toBe('')
  })
})

describe('a window', () => {
  const words = (view: TileView) => tileWords(view, 0, 'auto', true)
  it('that is empty has a plus', async () => {
    const view = emptyView(2, { x: 0, y: 0, width: 100, height: 56 }, false)
    const tile = mount(WallTile, { props: { view, words: words(view), focusable: true } })
    await tile.get('[aria-label="Add a camera to window 3"]').trigger('click')
    expect(tile.emitted('add')).toHaveLength(1)
  })
  it('that is paused plays on by a touch', async () => {
    const view: TileView = {
      ...emptyView(0, { x: 0, y: 0, width: 300, height: 170 }, true), phase: 'paused',
      channel: { device: 'd', channel: 1, name: 'Gate', hasSub: true },
    }
    const tile = mount(WallTile, { props: { view, words: words(view), focusable: true } })
    await tile.get('[aria-label="Play Gate"]').trigger('click')
    expect(tile.emitted('play')).toHaveLength(1)
  })
})

describe('a carried window', () => {
  let done: string[]
  let page: number
  const make = () => useCarry({
    size: () => ({ width: 400, height: 600 }),
    pick: (x, y) => (y > 500 ? null : { index: x < 200 ? 0 : 1, name: 'Gate', rect: { x: 0, y: 0, width: 200, height: 112 } }),
    indexAt: (x, y) => (y > 400 ? null : page * 2 + (x < 200 ? 0 : 1)),
    turn: (by) => { page += by },
    menu: (index) => done.push(`menu ${index}`),
    swap: (from, to) => done.push(`swap ${from} ${to}`),
    close: (index) => done.push(`close ${index}`),
  })
  beforeEach(() => {
    done = []
    page = 0
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  it('changes places with the one it is dropped on', () => {
    const { handlers, state, on } = make()
    expect(handlers.lift(100, 200)).toBe(true)
    handlers.move(150, 220)
    expect([state.over, on.value]).toEqual([null, true])
    handlers.move(300, 220)
    expect(state.over).toBe(1)
    handlers.drop(300, 220)
    expect([done, on.value]).toEqual([['swap 0 1'], false])
  })
  it('is closed in the bin, which is only in the middle and not where it is lifted', () => {
    const { handlers, state } = make()
    handlers.lift(200, BIN.height - 5)
    handlers.move(205, BIN.height - 5)
    expect(state.inBin).toBe(false)
    handlers.move(10, 20)
    expect(state.inBin).toBe(false)
    handlers.move(210, 20)
    expect([state.inBin, state.over]).toEqual([true, null])
    handlers.drop(210, 20)
    expect(done).toEqual(['close 1'])
  })
  it('goes back when it is dropped beside the windows, where it came from, or taken away', () => {
    const { handlers } = make()
    handlers.lift(100, 200)
    handlers.drop(100, 480)
    handlers.lift(100, 200)
    handlers.move(300, 200)
    handlers.drop(100, 200)
    handlers.lift(100, 200)
    handlers.move(300, 200)
    handlers.cancel()
    handlers.drop(300, 200)
    expect(done).toEqual([])
  })
  it('that was only pressed opens its menu; an empty one is not picked up', () => {
    const { handlers } = make()
    handlers.lift(100, 200)
    handlers.drop(104, 203)
    expect(done).toEqual(['menu 0'])
    expect(handlers.lift(100, 550)).toBe(false)
  })
  it('turns the page at the edge, again and again, and stops there', () => {
    const { handlers } = make()
    handlers.lift(100, 200)
    handlers.move(390, 200)
    vi.advanceTimersByTime(1450)
    expect(page).toBe(2)
    handlers.drop(300, 200)
    vi.advanceTimersByTime(5000)
    expect([page, done]).toEqual([2, ['swap 0 5']])
  })
})
