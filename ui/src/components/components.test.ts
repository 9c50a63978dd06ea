import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import ChoiceRow from './ChoiceRow.vue'
import ErrorNote from './ErrorNote.vue'
import TextField from './TextField.vue'
import WallTile from './wall/WallTile.vue'
import { ApiError } from '@/api/client'
import { tileWords } from '@/lib/tile'
import type { TileView } from '@/wall/wall'

it('shows a failure with its cure and keeps the technical wording folded', () => {
  const note = mount(ErrorNote, { props: { error: new ApiError('locked', 'RTSP 401', 60_000) } })
  expect(note.attributes('role')).toBe('alert')
  expect(note.text()).toContain('The device has locked this account')
  expect(note.text()).toContain('1 minute')
  expect(note.get('details').attributes('open')).toBeUndefined()
})

it('ties a field to its label and its mistake', async () => {
  const field = mount(TextField, { props: { label: 'Port', error: 'no port', modelValue: '0' } })
  const input = field.get('input')
  expect(field.get('label').attributes('for')).toBe(input.attributes('id'))
  expect(field.get(`#${input.attributes('aria-describedby')}`).text()).toBe('no port')
  await input.setValue('554')
  expect(field.emitted('update:modelValue')).toEqual([['554']])
})

it('chooses one of few', async () => {
  const row = mount(ChoiceRow<number>, {
    props: { label: 'Windows', options: [{ value: 1, text: '1' }, { value: 4, text: '4' }], modelValue: 1 },
  })
  await row.findAll('input')[1]?.setValue(true)
  expect(row.emitted('update:modelValue')).toEqual([[4]])
})

it('labels a window, and offers its cure only where a finger finds it', () => {
  const view: TileView = {
    index: 0, channel: { device: 'a', channel: 1, name: 'Gate', hasSub: true }, phase: 'failed', code: 'wrongPassword',
    detail: null, retryAtMs: null, ageMs: null, hasPicture: false, profile: 'sub', path: null, transport: null, width: 0,
    height: 0, rect: { x: 0, y: 0, width: 400, height: 225 }, visible: true, selected: false, enlarged: false, zoom: 1,
  }
  const words = tileWords(view, 0, 'auto', true)
  const large = mount(WallTile, { props: { view, words, focusable: true } })
  expect(large.get('.hit').attributes('aria-label')).toBe('Gate, User name or password is wrong')
  expect(large.get('.cure').text()).toBe('Edit password')
  const small = mount(WallTile, { props: { view: { ...view, rect: { x: 0, y: 0, width: 97, height: 55 } }, words, focusable: true } })
  expect(small.find('.cure').exists()).toBe(false)
})
