/**
 * PIN and password of the app, on a shell and a data folder of its own: set, locked, mistyped, forgotten, started again.
 * BARTIZAN_PROGRAMS is the folder of bartizan-web, BARTIZAN_UI the built page, BARTIZAN_SIM a simulated site.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { launch, PICTURE_MS, rpc, shoot, SIM_URL, stats, until, view, violations } from './lib.mjs'

const PROGRAMS = process.env.BARTIZAN_PROGRAMS ?? ''
const READY = PROGRAMS !== '' && SIM_URL !== ''
const PIN = '271828'
const PASSWORD = 'correct horse battery'
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: 'en-GB', colorScheme: 'dark' }

describe('protection', { skip: READY ? false : 'BARTIZAN_PROGRAMS and BARTIZAN_SIM are not set', timeout: 300_000 }, () => {
  let browser
  let page
  let web
  let url
  const data = mkdtempSync(join(tmpdir(), 'bartizan-protection-'))
  const complaints = []

  async function startShell() {
    web = spawn(`${PROGRAMS}/bartizan-web`, ['--ui', process.env.BARTIZAN_UI, '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] })
    url = await new Promise((resolve, reject) => {
      createInterface({ input: web.stdout }).on('line', (text) => {
        const found = /at (http\S+)/.exec(text)?.[1]
        if (found) resolve(found)
      })
      web.once('exit', () => reject(new Error('bartizan-web ended')))
    })
  }
  const stopShell = () => new Promise((resolve) => {
    web.once('exit', resolve)
    web.kill()
  })
  const lock = () => page.locator('dialog.lock[open]')
  const secretField = () => page.locator('#app-secret')
  const open = () => lock().waitFor({ state: 'hidden' })

  /** What the system does to an app that goes to the background and comes back. */
  const background = (hidden) => page.evaluate((away) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (away ? 'hidden' : 'visible') })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)

  /** A page that begins is a login. An address typed over a living page would be a change of pages first. */
  async function begin(path) {
    await page.goto('about:blank')
    await page.goto(`${url.split('?')[0]}#${path}`)
  }

  async function typePin(pin) {
    for (const digit of pin) await lock().getByRole('button', { name: digit, exact: true }).click()
    await lock().getByRole('button', { name: 'Unlock' }).click()
  }
  const playing = () => until('a picture', async () => (await stats(page)).some((tile) => tile.presented > 0), PICTURE_MS)

  before(async () => {
    browser = await launch()
    await startShell()
    const context = await browser.newContext(PHONE)
    page = await context.newPage()
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(url)
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    await rpc(page, 'settings.set', { theme: 'dark', language: 'en', layout: 1 })
    await rpc(page, 'devices.add', { url: `${SIM_URL}/ch1/main`, name: 'Gate' })
    await page.reload()
  })
  after(async () => {
    await browser?.close()
    web?.kill()
    rmSync(data, { recursive: true, force: true })
  })

  it('is turned on with a PIN entered twice', async () => {
    await playing()
    await page.locator('#tab-button-me').click()
    await view(page).getByText('Protection', { exact: true }).click()
    await page.waitForURL('**/#/protection')
    await page.getByLabel('New PIN', { exact: true }).fill('123456')
    await page.getByLabel('New PIN again').fill('123457')
    await page.getByRole('button', { name: 'Turn protection on' }).click()
    await page.getByText('This PIN is the first that anybody tries').waitFor()
    await page.getByText('The two are not the same').waitFor()
    assert.equal((await rpc(page, 'protection.state')).kind, null, 'nothing is sent that cannot be right')
    await shoot(page, 'protection-faults')
    await page.getByLabel('New PIN', { exact: true }).fill(PIN)
    await page.getByLabel('New PIN again').fill(PIN)
    await page.getByRole('button', { name: 'Turn protection on' }).click()
    await view(page).getByText('On, with a PIN').last().waitFor()
    assert.deepEqual(await violations(page), [])
    await shoot(page, 'protection-on')
  })

  it('locks in the background, ends the streams and asks at the return', async () => {
    await begin('/home')
    await secretField().waitFor()
    await typePin(PIN)
    await open()
    await playing()
    await background(true)
    await lock().waitFor()
    await background(false)
    await secretField().waitFor()
    const refused = await page.evaluate(async () => {
      const response = await fetch('/rpc/devices.list', {
        method: 'POST', body: '{}',
        headers: { 'content-type': 'application/json', 'x-bartizan-token': sessionStorage.getItem('bartizan.token') ?? '' },
      })
      return response.json()
    })
    assert.equal(refused.err.code, 'appLocked')
    assert.equal(await page.evaluate(() => document.querySelector('ion-tab-bar')?.matches(':focus-within')), false)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    assert.ok(await lock().isVisible(), 'Escape opens nothing')
    assert.deepEqual(await violations(page), [])
    await shoot(page, 'lock-pin')
    await typePin(PIN)
    await open()
    await playing()
    // What was counted before the lock may stand for a moment.
    await until('one stream', async () => (await rpc(page, 'live.stats')).streams.length === 1, PICTURE_MS)
  })

  it('takes the keyboard as well as the keypad', async () => {
    await rpc(page, 'protection.lock')
    // The page hears of it with its next command.
    await lock().waitFor()
    await page.keyboard.type(PIN)
    await page.keyboard.press('Enter')
    await open()
  })

  /**
   * No sensor is in reach of a test: the answers of the shell are those of one that has it, and a finger that fits sends
   * the PIN, which is what the core does with what the keystore gives.
   */
  it('offers a finger or a face where the shell has a sensor', async () => {
    let state = 'off'
    let finger = 'cancelled'
    const asked = []
    const told = async (route, response) => {
      const body = await response.json()
      if (body.ok !== undefined) body.ok.biometrics = state
      await route.fulfill({ response, json: body })
    }
    const instead = (route, name, more = {}) => route.fetch({ url: route.request().url().replace(/protection\.\w+/, `protection.${name}`), ...more })
    await page.route('**/rpc/protection.*', async (route) => told(route, await route.fetch()))
    await page.route('**/rpc/protection.letBiometrics', async (route) => {
      const right = route.request().postDataJSON().secret === PIN
      if (right) state = 'on'
      // A wrong one is refused by the core itself.
      await told(route, await instead(route, right ? 'state' : 'turnOff'))
    })
    await page.route('**/rpc/protection.forgetBiometrics', async (route) => {
      state = 'off'
      await told(route, await instead(route, 'state'))
    })
    await page.route('**/rpc/protection.unlockByBiometrics', async (route) => {
      asked.push(route.request().postDataJSON())
      if (finger === 'fits') await told(route, await instead(route, 'unlock', { postData: JSON.stringify({ secret: PIN }) }))
      else await route.fulfill({ json: { err: { code: finger, kind: 'unauthorized', detail: 'the sheet', retryAfterMs: null, triesLeft: null } } })
    })
    await begin('/protection')
    await typePin(PIN)
    await open()
    const on = view(page).getByRole('button', { name: 'Turn fingerprint or face on' })
    await on.click()
    await view(page).getByLabel('Present PIN').fill('000000')
    await on.click()
    await view(page).getByText('4 tries left').waitFor()
    await view(page).getByLabel('Present PIN').fill(PIN)
    await on.click()
    await view(page).getByText('A fingerprint or a face opens Bartizan').waitFor()
    assert.deepEqual(await violations(page), [])
    await shoot(page, 'protection-biometrics')

    await page.reload()
    const button = lock().getByRole('button', { name: 'Fingerprint or face' })
    await button.waitFor()
    await until('the sheet came up by itself', async () => asked.length === 1)
    assert.deepEqual(asked[0], { reason: 'Open Bartizan', cancel: 'Use the PIN' })
    assert.deepEqual(await violations(page), [])
    await shoot(page, 'lock-biometrics')
    finger = 'biometricsFailed'
    await button.click()
    await lock().getByText('The phone did not open it').waitFor()
    const pad = await lock().getByRole('button', { name: '0', exact: true }).boundingBox()
    assert.ok(pad.y + pad.height <= PHONE.viewport.height, 'the keypad is still on the screen')
    await shoot(page, 'lock-biometrics-failed')
    await page.setViewportSize({ width: 844, height: 390 })
    await shoot(page, 'lock-biometrics-landscape')
    await page.setViewportSize(PHONE.viewport)
    finger = 'fits'
    await button.click()
    await open()
    await view(page).getByRole('button', { name: 'Turn fingerprint or face off' }).click()
    await on.waitFor()
    await page.unrouteAll({ behavior: 'wait' })
    await begin('/home')
    await secretField().waitFor()
    assert.equal(await button.count(), 0, 'without a sensor there is no button')
    await typePin(PIN)
    await open()
  })

  it('asks after a reload and after a new start, and pauses after five wrong tries', async () => {
    await page.reload()
    await secretField().waitFor()
    assert.equal(await page.locator('ion-tab-bar').count(), 0, 'nothing is loaded before')
    for (const left of ['4 tries left', '3 tries left', '2 tries left', 'One try left']) {
      await typePin('000000')
      await lock().getByText(left).waitFor()
    }
    await typePin('000000')
    await lock().getByText('Too many wrong tries').waitFor()
    assert.ok(await lock().getByRole('button', { name: '1', exact: true }).isDisabled())
    await shoot(page, 'lock-pause')
    await page.setViewportSize({ width: 844, height: 390 })
    await shoot(page, 'lock-pause-landscape')
    await page.setViewportSize(PHONE.viewport)
    await stopShell()
    await startShell()
    await page.goto(url)
    await lock().getByText('Too many wrong tries').waitFor()
  })

  it('opens without the PIN at the price of the passwords', async () => {
    await lock().getByRole('button', { name: 'Forgotten?' }).click()
    const erase = lock().getByRole('button', { name: 'Erase and open' })
    assert.ok(await erase.isDisabled(), 'only with a clear word')
    assert.deepEqual(await violations(page), [])
    await shoot(page, 'lock-forgotten')
    await lock().getByLabel('Erase the passwords of all devices').check()
    await erase.click()
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    await open()
    const { devices } = await rpc(page, 'devices.list')
    assert.deepEqual(devices.map(({ name }) => name), ['Gate'])
    await page.locator('.tile[data-phase=failed]').waitFor({ timeout: PICTURE_MS })
    assert.match(await page.locator('.tile[data-phase=failed]').innerText(), /stored password cannot be read/i)
    await rpc(page, 'devices.update', { id: devices[0].id, draft: { password: new URL(SIM_URL.replace(/^rtsp:/, 'http:')).password } })
    await page.reload()
    await playing()
  })

  it('takes a password too, changes it and is turned off again', async () => {
    await rpc(page, 'protection.setUp', { kind: 'pin', secret: PIN })
    await begin('/protection')
    await secretField().waitFor()
    await typePin(PIN)
    await open()
    await page.getByRole('button', { name: 'Change PIN or password' }).click()
    await page.getByLabel('Present PIN').fill('000000')
    await page.getByRole('radio', { name: 'Password', exact: true }).check()
    await page.getByLabel('Present PIN').fill('000000')
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('New password again').fill(PASSWORD)
    const change = page.locator('form').getByRole('button', { name: 'Change PIN or password' })
    await change.click()
    await page.getByText('4 tries left').waitFor()
    await page.getByLabel('Present PIN').fill(PIN)
    await change.click()
    await view(page).getByText('On, with a password').last().waitFor()
    await page.getByRole('radio', { name: '1 minute', exact: true }).check()
    await until('a minute', async () => (await rpc(page, 'protection.state')).askAfterS === 60)
    await background(true)
    await page.locator('dialog.lock[open] .cover').waitFor()
    await background(false)
    await open()
    await page.getByRole('button', { name: 'Lock now' }).click()
    await secretField().waitFor()
    await shoot(page, 'lock-password')
    await secretField().fill(PASSWORD)
    await lock().getByRole('button', { name: 'Unlock' }).click()
    await open()
    await page.getByRole('button', { name: 'Turn protection off' }).click()
    await page.getByLabel('Present password').fill(PASSWORD)
    await page.locator('form').getByRole('button', { name: 'Turn protection off' }).click()
    await page.getByRole('button', { name: 'Turn protection on' }).waitFor()
    await background(true)
    await background(false)
    assert.equal(await lock().count(), 0, 'an unprotected app asks nobody')
    await page.goto(`${url.split('?')[0]}#/home`)
    await playing()
    assert.deepEqual(complaints.filter((text) => !/ERR_CONNECTION|WebSocket/.test(text)), [], 'the page complained')
  })
})
