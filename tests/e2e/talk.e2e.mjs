/**
 * A person speaks through cameras of each family: tapped, held, refused and sent to the background. Chromium's fake
 * microphone beeps once a second, and the simulated device says what it heard.
 *
 * Needs BARTIZAN_URL and BARTIZAN_BRANDS; see adding.e2e.mjs. With BARTIZAN_SIM, a site that takes no voice, the camera
 * that cannot is one of its; without it that test is left out.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, goTab, launch, noViolations, openApp, reset, rpc, shoot, SIM_URL, until, view } from './lib.mjs'

const LIST = process.env.BARTIZAN_BRANDS ?? ''
const READY = APP_URL !== '' && LIST !== ''
const brands = READY ? JSON.parse(readFileSync(LIST, 'utf8')) : []
const of = (personality) => brands.find((one) => one.personality === personality && one.activated)

/** The core tries the ways that a device may have, one after the other. */
const CALL_MS = 30_000
/** Of 32767. The beep is far above, an open microphone without it far below. */
const LOUD = 2000

/**
 * What a unit heard, `{ calls, open, seconds, loudest }`: calls so far, those open
 * now, seconds of voice, and the largest sample of it.
 */
async function heard(unit) {
  const response = await fetch(`http://${unit.host}:${unit.httpPort}/simulator/heard`)
  assert.equal(response.status, 200, 'the unit says what it heard')
  return response.json()
}

const MICROPHONE = ['--use-fake-device-for-media-stream']
const GRANTED = '--use-fake-ui-for-media-stream'

describe('talk', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_BRANDS are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch([...MICROPHONE, GRANTED]) })
  after(async () => { await browser?.close() })
  beforeEach(async () => { await open(browser) })
  afterEach(async (context) => {
    await shoot(page, `talk-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  async function open(where, options = { permissions: ['microphone'] }) {
    app = await openApp(where, { reducedMotion: 'reduce', ...options })
    page = app.page
    await reset(page)
  }
  /** The wall with this device alone, and its first window selected. A voice needs no picture. */
  async function watch(draft) {
    const device = await rpc(page, 'devices.add', draft)
    await page.reload()
    await goTab(page, 'home')
    await select(0)
    return device
  }
  const watchUnit = ({ host, httpPort, user, password }) => watch({ host, ports: { http: httpPort }, user, password, transport: 'tcp' })
  const select = async (index) => {
    await page.locator(`.tile[data-index="${index}"] .hit`).dispatchEvent('click')
    await page.locator(`.tile[data-index="${index}"].selected`).waitFor()
  }
  const tool = () => view(page).locator('[data-tool=talk]')
  const badge = (phase = 'talking') => page.locator(`[data-talk=${phase}]`)
  const talking = () => badge().waitFor({ timeout: CALL_MS })
  const silent = () => until('no badge', async () => (await page.locator('[data-talk]').count()) === 0)
  const hungUp = (unit) => until('hung up', async () => (await heard(unit)).open === 0, CALL_MS)
  /** The device hears a beep that it had not heard before. */
  const hears = (unit, before) => until('the beep', async () => {
    const now = await heard(unit)
    return now.open === 1 && now.seconds > before.seconds + 1 && now.loudest > LOUD ? now : null
  }, CALL_MS)
  /** The commands of the page that are about talking, `talk.send` aside. */
  function commands() {
    const names = []
    page.on('request', (request) => {
      const name = /\/rpc\/(talk\.\w+)$/.exec(new URL(request.url()).pathname)?.[1]
      if (name !== undefined && name !== 'talk.send') names.push(name)
    })
    return names
  }
  const toast = async (text) => {
    await page.locator('ion-toast').getByText(text, { exact: false }).waitFor({ timeout: CALL_MS })
    await noViolations(page, `the failure: ${text}`)
  }

  for (const personality of ['dahua', 'isapi', 'onvif']) {
    it(`${personality}: a tap begins it, the device hears it, and a tap ends it`, async () => {
      const unit = of(personality)
      await watchUnit(unit)
      const before = await heard(unit)
      assert.equal(await tool().getAttribute('aria-pressed'), 'false')
      await tool().click()
      await talking()
      await page.locator('.tile[data-index="0"] [data-talk]').waitFor()
      const now = await hears(unit, before)
      assert.equal(now.calls, before.calls + 1)
      assert.equal(await tool().getAttribute('aria-pressed'), 'true')
      assert.match(await tool().getAttribute('aria-label'), /^Stop talking to /)
      await page.locator('p[role=status]').filter({ hasText: 'Talking to ' }).waitFor({ state: 'attached' })
      await until('the meter moves', async () => (await page.locator('.meter span').evaluate((one) => new DOMMatrix(getComputedStyle(one).transform).a)) > 0.1)
      await shoot(page, `talk-${personality}`)
      await noViolations(page, 'a wall that is talked through')

      await tool().click()
      await silent()
      await page.locator('p[role=status]').filter({ hasText: 'Talk ended' }).waitFor({ state: 'attached' })
      assert.equal(await tool().getAttribute('aria-pressed'), 'false')
      await hungUp(unit)
    })
  }

  it('held: it lasts until the finger is lifted, wherever that is', async () => {
    const unit = of('dahua')
    await watchUnit(unit)
    const before = await heard(unit)
    const cdp = await page.context().newCDPSession(page)
    const touch = (type, touchPoints) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints })
    await tool().scrollIntoViewIfNeeded()
    const box = await tool().boundingBox()
    const finger = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    const scrolled = () => page.locator('.strip').evaluate((strip) => strip.scrollLeft)
    const from = await scrolled()

    await touch('touchStart', [finger])
    await talking()
    for (let n = 1; n <= 10; n += 1) await touch('touchMove', [{ x: finger.x - 8 * n, y: finger.y - 20 * n }])
    await hears(unit, before)
    assert.equal(await badge().count(), 1, 'a finger that slides off goes on')
    assert.equal(await scrolled(), from, 'the strip stays')
    assert.equal(await page.locator('ion-action-sheet').count(), 0, 'no menu opens')
    await touch('touchEnd', [])
    await silent()
    await hungUp(unit)

    // A swipe that begins there is a swipe.
    await touch('touchStart', [finger])
    for (let n = 1; n <= 10; n += 1) await touch('touchMove', [{ x: finger.x - 8 * n, y: finger.y }])
    await new Promise((resolve) => setTimeout(resolve, 600))
    await touch('touchEnd', [])
    assert.equal(await page.locator('[data-talk]').count(), 0)
    assert.equal((await heard(unit)).calls, before.calls + 1)
    await cdp.detach()
  })

  it('by keyboard: held and tapped, and by the menu of the window', async () => {
    const unit = of('onvif')
    await watchUnit(unit)
    await page.locator('.tile[data-index="0"] .hit').focus()
    await page.keyboard.down('v')
    await talking()
    await page.keyboard.up('v')
    await silent()
    await page.keyboard.press('v')
    await talking()
    await page.keyboard.press('v')
    await silent()
    await hungUp(unit)

    await tool().focus()
    await page.keyboard.down('Space')
    await talking()
    await page.keyboard.up('Space')
    await silent()

    await page.locator('.tile[data-index="0"] .hit').focus()
    await page.keyboard.press('o')
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Talk', exact: true }).click()
    await talking()
    await until('the menu gone', async () => (await page.locator('ion-action-sheet').count()) === 0)
    await page.locator('.tile[data-index="0"] .hit').focus()
    await page.keyboard.press('o')
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Stop talking', exact: true }).click()
    await silent()
    await hungUp(unit)
  })

  it('a page in the background hangs up, and so does a wall that is left', async () => {
    const unit = of('isapi')
    await watchUnit(unit)
    const hide = (hidden) => page.evaluate((away) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (away ? 'hidden' : 'visible') })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
    await tool().click()
    await talking()
    await hide(true)
    await silent()
    await hungUp(unit)
    await hide(false)
    assert.equal(await page.locator('[data-talk]').count(), 0, 'it does not begin again by itself')

    await tool().click()
    await talking()
    await goTab(page, 'me')
    await hungUp(unit)
    await goTab(page, 'home')
    assert.equal(await page.locator('[data-talk]').count(), 0)

    await tool().click()
    await talking()
    await page.reload()
    await hungUp(unit)
  })

  it('another window takes the call over', async () => {
    const units = [of('dahua'), of('isapi')]
    const [{ host, httpPort, user, password }, other] = units
    await rpc(page, 'devices.add', { host, ports: { http: httpPort }, user, password, transport: 'tcp' })
    await watchUnit(other)
    const sum = async (what) => (await Promise.all(units.map(heard))).reduce((total, one) => total + one[what], 0)
    const before = await sum('calls')
    await tool().click()
    await talking()
    assert.equal(await sum('open'), 1)
    // Another camera, or another channel of the same recorder.
    const next = await page.locator('.tile:not(.empty):not(:has([data-talk]))').first().getAttribute('data-index')
    await select(next)
    assert.match(await tool().getAttribute('aria-label'), /^Talk to /)
    await tool().click()
    await page.locator(`.tile[data-index="${next}"] [data-talk=talking]`).waitFor({ timeout: CALL_MS })
    assert.equal(await page.locator('[data-talk]').count(), 1)
    await until('the first hung up', async () => (await sum('open')) === 1, CALL_MS)
    assert.equal(await sum('calls'), before + 2)
    await tool().click()
    await silent()
    for (const unit of units) await hungUp(unit)
  })

  it('a camera that takes no voice says so', { skip: SIM_URL === '' ? 'BARTIZAN_SIM is not set' : false }, async () => {
    await watch({ url: `${SIM_URL}/`, transport: 'tcp' })
    await tool().click()
    await toast('offers no way to talk')
    await silent()
    await shoot(page, 'talk-not-offered')
    assert.equal(await tool().getAttribute('aria-pressed'), 'false')
    await page.locator('ion-toast').getByRole('button', { name: 'Help' }).click()
    await view(page).getByRole('heading', { name: 'Talk through a camera' }).waitFor()
  })

  it('a refused microphone says where to allow it, and no camera is called', async () => {
    await app.close()
    // Nobody answers the browser's question here, which it takes for a no.
    const strict = await launch(MICROPHONE)
    try {
      await open(strict, {})
      const unit = of('dahua')
      await watchUnit(unit)
      const before = await heard(unit)
      const called = commands()
      await tool().click()
      await toast('Bartizan may not use the microphone')
      await silent()
      await shoot(page, 'talk-denied')
      assert.deepEqual(called, [])
      assert.equal((await heard(unit)).calls, before.calls)
      await app.close()
    } finally {
      await strict.close()
      await open(browser)
    }
  })
})
