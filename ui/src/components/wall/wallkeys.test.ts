import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import ToolStrip from './ToolStrip.vue'
import type { WallTool } from './tools'
import { KEY_SHEET, TOOL_KEYS, wallKey } from './wallkeys'

const key = (name: string, more: Partial<KeyboardEvent> = {}) =>
  wallKey({ key: name, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more })

it('knows its keys and leaves those of the system alone', () => {
  expect(key('r')).toEqual({ tool: 'record' })
  expect(key('R')).toEqual({ tool: 'record' })
  expect(key('?')).toEqual({ to: 'help' })
  for (const other of ['q', 'Tab', 'constructor', 'ArrowUp', 'Enter']) expect(key(other)).toBeNull()
  expect(key('r', { ctrlKey: true })).toBeNull()
  expect(key('r', { repeat: true })).toBeNull()
})

it('lists every letter once on the sheet', () => {
  const listed = KEY_SHEET.flatMap(({ rows }) => rows.flatMap(({ keys }) => keys)).filter((one) => /^[A-Z?]$/.test(one))
  expect([...listed].sort()).toEqual([...Object.keys(TOOL_KEYS), 't', 'g', 'o', 'z', '?'].map((one) => one.toUpperCase()).sort())
})

it('the strip of tools is one stop of Tab, and arrows go along it, past what is disabled', async () => {
  const tool = (id: string, disabled = false): WallTool => ({ id, icon: '', text: id, label: id, disabled, run: vi.fn() })
  const strip = mount(ToolStrip, { props: { tools: [tool('a', true), tool('b'), tool('c', true), tool('d')], label: 'Tools' }, attachTo: document.body })
  const stops = () => strip.findAll('button').filter((button) => button.attributes('tabindex') === '0').map((button) => button.text())
  const at = () => (document.activeElement as HTMLElement).dataset['tool']
  expect(stops()).toEqual(['b'])
  strip.get<HTMLElement>('[data-tool=b]').element.focus()
  for (const [name, want] of [['ArrowRight', 'd'], ['ArrowRight', 'b'], ['ArrowLeft', 'd'], ['Home', 'b'], ['End', 'd']] as const) {
    await strip.get(`[data-tool=${at()}]`).trigger('keydown', { key: name })
    expect(at()).toBe(want)
  }
  expect(stops()).toEqual(['d'])
  strip.unmount()
})
