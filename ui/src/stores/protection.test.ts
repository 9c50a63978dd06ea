import { beforeEach, describe, expect, test } from 'vitest'
import { rpc, usePlatform } from '@/api/client'
import { secretFault } from '@/lib/appsecret'
import { countdown } from '@/lib/format'
import { failure, FakePlatform } from '@/platform/fake'
import { protection } from './protection'

let fake: FakePlatform

function hide(hidden: boolean): void {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') })
  document.dispatchEvent(new Event('visibilitychange'))
}
const settled = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 0) })

beforeEach(async () => {
  protection.reset()
  usePlatform((fake = new FakePlatform()))
  await protection.start()
})

describe('protection', () => {
  test('an unprotected app opens and tells nobody when it goes away', async () => {
    expect(protection.state.opened).toBe(true)
    hide(true)
    await settled()
    expect(protection.state.covered).toBe(false)
    expect(fake.calls.map(({ name }) => name)).not.toContain('protection.away')
    hide(false)
  })

  test('a page that begins is locked, and opens with the right secret only', async () => {
    await protection.setUp('pin', '271828')
    protection.reset()
    await protection.start()
    expect(protection.state).toMatchObject({ locked: true, opened: false, kind: 'pin' })
    await expect(protection.unlock('000000')).rejects.toMatchObject({ code: 'appPassword', triesLeft: 4 })
    expect(protection.state).toMatchObject({ locked: true, triesLeft: 4 })
    await protection.unlock('271828')
    expect(protection.state).toMatchObject({ locked: false, opened: true })
  })

  test('covers before the core answers, and uncovers when it is back in time', async () => {
    await protection.setUp('pin', '271828')
    await protection.askAfter(60)
    hide(true)
    expect(protection.state.covered).toBe(true)
    await settled()
    hide(false)
    await settled()
    expect(protection.state).toMatchObject({ covered: false, locked: false })
    await protection.askAfter(0)
    hide(true)
    await settled()
    expect(protection.state.locked).toBe(true)
  })

  test('whatever command hears that the app is locked locks the page', async () => {
    await protection.setUp('password', 'correct horse')
    fake.protection = { ...fake.protection, locked: true }
    fake.overrides['devices.list'] = () => { throw failure('appLocked') }
    await expect(rpc('devices.list', {})).rejects.toMatchObject({ code: 'appLocked' })
    expect(protection.state.locked).toBe(true)
  })

  test('a pause is known after the refusal that begins it', async () => {
    await protection.setUp('pin', '271828')
    await protection.lock()
    for (let i = 0; i < 5; i++) await expect(protection.unlock('000000')).rejects.toMatchObject({ code: 'appPassword' })
    expect(protection.state.waitUntil).toBeGreaterThan(Date.now())
    await expect(protection.unlock('271828')).rejects.toMatchObject({ code: 'appPasswordWait' })
    await protection.forget()
    expect(protection.state).toMatchObject({ locked: false, kind: null, waitUntil: null })
    expect(fake.calls.filter(({ name }) => name === 'protection.forget').map(({ request }) => request)).toEqual([{ erasePasswords: true }])
  })
})

test('secrets that are refused before they are sent', () => {
  expect(['271828', '112233445566'].map((pin) => secretFault('pin', pin))).toEqual([null, null])
  expect(['27182', '1234567890123', '27182a', ''].map((pin) => secretFault('pin', pin))).toEqual(Array(4).fill('pinLength'))
  expect(['000000', '123456', '987654'].map((pin) => secretFault('pin', pin))).toEqual(Array(3).fill('pinEasy'))
  expect([secretFault('password', 'short'), secretFault('password', 'x'.repeat(129)), secretFault('password', '安全的密码很长呢')])
    .toEqual(['passwordShort', 'passwordLong', null])
})

test('what is left of a pause', () => {
  expect([0, 1, 30_000, 899_500].map(countdown)).toEqual(['0:00', '0:01', '0:30', '15:00'])
})
