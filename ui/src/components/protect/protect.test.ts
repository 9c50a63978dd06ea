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
