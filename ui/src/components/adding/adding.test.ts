import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import ActivateForm from './ActivateForm.vue'
import FailureNote from './FailureNote.vue'
import FoundRow from './FoundRow.vue'
import PasswordMeter from './PasswordMeter.vue'
import PortWarning from './PortWarning.vue'
import { ApiError, usePlatform } from '@/api/client'
import { fakeFound, FakePlatform } from '@/platform/fake'

const stubs = { 'router-link': { template: '<a><slot /></a>' } }
beforeEach(() => usePlatform(new FakePlatform()))

describe('a failure', () => {
  it('tells the tries left and offers another login, never the same again', () => {
    const note = mount(FailureNote, { props: { error: new ApiError('wrongPassword', '401', null, 3) }, global: { stubs } })
    expect(note.text()).toContain('3 tries left')
    expect(note.findAll('button').map((button) => button.text())).toEqual(['Enter another login'])
  })

  it('counts a lock down and offers the next try only after it', async () => {
    vi.useFakeTimers()
    const note = mount(FailureNote, { props: { error: new ApiError('locked', '', 90_000) }, global: { stubs } })
    expect(note.text()).toContain('opens again in 2 minutes')
    expect(note.findAll('button')).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(note.text()).toContain('opens again in 30 seconds')
    await vi.advanceTimersByTimeAsync(31_000)
    expect(note.text()).toContain('It should be open again')
    expect(note.get('button').text()).toBe('Try again')
    note.unmount()
    vi.useRealTimers()
  })

  it('spends the last try only on a clear word', async () => {
    const note = mount(FailureNote, { props: { error: new ApiError('lastTry', '', null, 1) }, global: { stubs } })
    expect(note.text()).toContain('the device locks the account')
    const [other, spend] = note.findAll('button')
    expect(other?.text()).toBe('Enter another login')
    await spend?.trigger('click')
    expect(note.emitted('spendLastTry')).toHaveLength(1)
  })

  it('shows both fingerprints, and trusts nothing before it has the new one', async () => {
    const note = mount(FailureNote, { props: { error: new ApiError('certificateChanged', '', null), oldPrint: 'abcd1234' }, global: { stubs } })
    expect(note.text()).toContain('ABCD 1234')
    expect(note.get('button').attributes('disabled')).toBeDefined()
    await note.setProps({ newPrint: 'ffff0000' })
    expect(note.text()).toContain('FFFF 0000')
    await note.get('button').trigger('click')
    expect(note.emitted('trust')).toHaveLength(1)
  })
})

it('judges a password while it is typed', async () => {
  const meter = mount(PasswordMeter, { props: { password: '', account: 'admin' } })
  expect(meter.findAll('li.kept')).toHaveLength(0)
  await meter.setProps({ password: 'admin-74x' })
  expect(meter.text()).toContain('Too weak')
  expect(meter.findAll('li.kept')).toHaveLength(4)
  await meter.setProps({ password: 'Wxkqpz74-twrv' })
  expect(meter.get('[data-strength]').attributes('data-strength')).toBe('3')
})

it('activates only with a kept and repeated password', async () => {
  const form = mount(ActivateForm, { props: { user: 'admin', disabled: false }, global: { stubs } })
  const [, password, repeat] = form.findAll('input')
  await password?.setValue('Wxkqpz74-t')
  await repeat?.setValue('Wxkqpz74-x')
  await form.get('form').trigger('submit')
  expect(form.text()).toContain('The two passwords differ.')
  expect(form.emitted('done')).toBeUndefined()
  await repeat?.setValue('Wxkqpz74-t')
  await form.get('form').trigger('submit')
  await flushPromises()
  expect(form.emitted('done')).toEqual([['Wxkqpz74-t', '']])
})

it('warns of common ports on a public address only', async () => {
  const warning = mount(PortWarning, { props: { host: 'home.example', ports: { server: 37777 } }, global: { stubs } })
  expect(warning.get('[data-risk]').attributes('data-risk')).toBe('high')
  expect(warning.text()).toContain('80, 554, 37777')
  await warning.setProps({ host: '192.168.1.20' })
  expect(warning.find('[data-risk]').exists()).toBe(false)
})

it('greys what is in the list already, and says what is new', async () => {
  const row = mount(FoundRow, { props: { found: fakeFound({ added: 'd1' }), modelValue: false } })
  expect(row.get('input').attributes('disabled')).toBeDefined()
  expect(row.text()).toContain('Already added')
  await row.setProps({ found: fakeFound({ activated: false }) })
  expect(row.text()).toContain('New, needs a password')
  await row.get('input').setValue(true)
  expect(row.emitted('update:modelValue')).toEqual([[true]])
})
