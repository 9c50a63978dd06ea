import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import LockScreen from './LockScreen.vue'
import { usePlatform } from '@/api/client'
import { FakePlatform, fakeDevice } from '@/platform/fake'
import { protection } from '@/stores/protection'

let fake: FakePlatform
let screen: VueWrapper

async function locked(kind: 'pin' | 'password', secret: string): Promise<void> {
  await protection.setUp(kind, secret)
  await protection.lock()
  screen = mount(LockScreen, { attachTo: document.body })
  await flushPromises()
}

beforeEach(async () => {
  protection.reset()
  usePlatform((fake = new FakePlatform()))
  fake.devices = [fakeDevice()]
  await protection.start()
})
afterEach(() => screen.unmount())

const press = async (name: string): Promise<void> => {
  const key = screen.findAll('.key').find((button) => button.text() === name || button.attributes('aria-label') === name)
  await key?.trigger('click')
}

describe('the lock screen', () => {
  it('takes a PIN from its keypad and leaves no trace of a wrong one', async () => {
    await locked('pin', '271828')
    const field = screen.get<HTMLInputElement>('#app-secret')
    expect(field.attributes('type')).toBe('password')
    for (const digit of '99999') await press(digit)
    await press('Unlock')
    expect(fake.calls.some(({ name }) => name === 'protection.unlock'), 'five digits are no PIN').toBe(false)
    await press('9')
    await press('Unlock')
    await flushPromises()
    expect(screen.text()).toContain('4 tries left before a pause')
    expect(field.element.value).toBe('')
    for (const digit of '271829') await press(digit)
    await press('Delete the last digit')
    await press('8')
    await press('Unlock')
    await flushPromises()
    expect(protection.state.locked).toBe(false)
  })

  it('takes nothing during a pause and says how long it is', async () => {
    await locked('password', 'correct horse')
    for (let i = 0; i < 5; i++) {
      await screen.get('#app-secret').setValue('wrong guess')
      await screen.get('form').trigger('submit')
      await flushPromises()
    }
    expect(screen.text()).toMatch(/Next try in 0:(30|29)/)
    expect(screen.get('button[type=submit]').attributes('disabled')).toBeDefined()
    const tries = (): number => fake.calls.filter(({ name }) => name === 'protection.unlock').length
    const before = tries()
    await screen.get('#app-secret').setValue('correct horse')
    await screen.get('form').trigger('submit')
    expect(tries()).toBe(before)
  })

  it('asks the phone once by itself, and again at the press of a button', async () => {
    const asked = (): unknown[] => fake.calls.filter(({ name }) => name === 'protection.unlockByBiometrics').map(({ request }) => request)
    fake.protection.biometrics = 'on'
    fake.finger = 'cancelled'
    await locked('pin', '271828')
    expect(asked()).toEqual([{ reason: 'Open Bartizan', cancel: 'Use the PIN' }])
    expect(screen.find('[role=alert]').exists(), 'whoever cancels wants the PIN').toBe(false)
    await protection.away()
    await protection.back()
    await flushPromises()
    expect(asked().length, 'a sheet that hides the page would come up for ever').toBe(1)
    fake.finger = 'biometricsFailed'
    await screen.get('.finger').trigger('click')
    await flushPromises()
    expect(screen.text()).toContain('The phone did not open it. Enter your PIN.')
    expect(protection.state.locked).toBe(true)
    fake.finger = 'opens'
    await screen.get('.finger').trigger('click')
    await flushPromises()
    expect(asked().length).toBe(3)
    expect(protection.state.locked).toBe(false)
    fake.finger = 'cancelled'
    await protection.lock()
    await flushPromises()
    expect(asked().length, 'another lock asks anew').toBe(4)
  })

  it('has no sensor where the shell has none', async () => {
    await locked('pin', '271828')
    expect(screen.find('.finger').exists()).toBe(false)
    expect(fake.calls.some(({ name }) => name === 'protection.unlockByBiometrics')).toBe(false)
  })

  it('does not ask the phone behind the cover', async () => {
    fake.protection.biometrics = 'on'
    await protection.setUp('pin', '271828')
    screen = mount(LockScreen, { attachTo: document.body })
    await protection.away()
    await flushPromises()
    const asked = (): boolean => fake.calls.some(({ name }) => name === 'protection.unlockByBiometrics')
    expect([protection.state.locked, asked()]).toEqual([true, false])
    await protection.back()
    await flushPromises()
    expect([protection.state.locked, asked()]).toEqual([false, true])
  })

  it('erases the passwords only on a clear word', async () => {
    await locked('pin', '271828')
    await screen.get('.plain').trigger('click')
    expect(screen.text()).toContain('the passwords of all devices')
    const erase = screen.get('button[type=submit]')
    expect(erase.attributes('disabled')).toBeDefined()
    await screen.get('.check').setValue(true)
    await screen.get('form').trigger('submit')
    await flushPromises()
    expect(protection.state).toMatchObject({ locked: false, kind: null })
    expect(fake.devices.map(({ hasPassword }) => hasPassword)).toEqual([false])
  })
})
