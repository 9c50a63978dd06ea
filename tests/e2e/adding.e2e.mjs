/**
 * A newcomer adds a device of each kind: by searching, by address, by scanning its label, a factory-fresh one, and
 * from a device card on a second profile.
 *
 * Needs BARTIZAN_URL and BARTIZAN_BRANDS, the path of a JSON file with the simulated site: an array of
 * `{name, personality, host, httpPort, httpsPort, rtspPort, serial, label, user, password, activated, class, ptz}`.
 * With BARTIZAN_SECOND_URL, the address of a second web shell with a store of its own, the card goes to that one; without
 * it, the devices are deleted first and come back from the card.
 *
 * Codes are shown to the fake camera: Chromium plays BARTIZAN_FEEDS/<personality>.mjpeg, a film of that device's label.
 * Without the folder those tests are left out.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, goTab, launch, noViolations, openApp, PICTURE_MS, reset, rpc, shoot, until, untilPlaying, view } from './lib.mjs'

const SITE_FILE = process.env.BARTIZAN_BRANDS ?? ''
const FEEDS = process.env.BARTIZAN_FEEDS ?? ''
const SECOND_URL = process.env.BARTIZAN_SECOND_URL ?? ''
const READY = APP_URL !== '' && SITE_FILE !== ''
const site = READY ? JSON.parse(readFileSync(SITE_FILE, 'utf8')) : []

const activated = site.filter((device) => device.activated)
const fresh = site.find((device) => !device.activated)
/** One whose label carries a serial number rather than an address. */
const labelled = activated.find((device) => !device.label.startsWith('http'))
const FIRST_PASSWORD = 'Wxkqpz74-twr'
const CARD_PASSWORD = 'Moor-hen29-x'

describe('adding', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_BRANDS are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page

  const camera = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream']
  before(async () => { browser = await launch(camera) })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser, { permissions: ['camera'], reducedMotion: 'reduce' })
    page = app.page
    await reset(page)
  })
  afterEach(async (context) => {
    await shoot(page, `adding-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  const list = async () => (await rpc(page, 'devices.list')).devices

  /** From the tab of devices, so that *Watch now* has to change the tab as well. */
  async function openWay(name) {
    await goTab(page, 'devices')
    await page.getByRole('button', { name: 'Add a device' }).first().click()
    await view(page).getByRole('link', { name }).click()
  }

  async function login(device, secret = device.password) {
    await view(page).getByLabel('User name').fill(device.user)
    await view(page).getByLabel('Password', { exact: true }).fill(secret)
    await view(page).getByRole('button', { name: 'Add', exact: true }).click()
  }

  /** What the page says instead is part of the failure, with its technical details. */
  const added = () => view(page).getByRole('heading', { name: 'Added' }).waitFor({ timeout: PICTURE_MS }).catch(async (error) => {
    throw new Error(`${error.message}\n${(await page.locator('[data-code]').allTextContents()).join('\n')}`)
  })

  async function fillAddress(device) {
    const form = view(page)
    await form.getByLabel('Address', { exact: true }).fill(device.host)
    await form.getByText('More: ports, protocol, second address').click()
    await form.getByLabel('HTTP port', { exact: true }).fill(String(device.httpPort ?? ''))
    await form.getByLabel('HTTPS port').fill(String(device.httpsPort ?? ''))
    await form.getByLabel('RTSP port').fill(String(device.rtspPort ?? ''))
    await form.getByRole('button', { name: 'Next', exact: true }).click()
  }

  /** The row of a device in the list of a search. WS-Discovery tells no serial number, so it is known by its port. */
  const row = (device) => view(page).locator('.found', { hasText: `${device.host}:${device.httpPort}` })

  async function typeCode(text) {
    await view(page).getByRole('button', { name: 'Type the serial' }).click()
    await view(page).getByLabel('Serial number (S/N)').fill(text)
    await view(page).getByRole('button', { name: 'Look for it' }).click()
  }

  for (const device of activated) {
    it(`by address: ${device.name}`, async () => {
      await openWay(/^By address/)
      await fillAddress(device)
      await view(page).getByLabel('Password', { exact: true }).waitFor({ timeout: PICTURE_MS })
      await view(page).locator('.answer').getByText('How Bartizan knows').waitFor()
      await noViolations(page, `login of ${device.name}`)
      await login(device)
      await added()
      await noViolations(page, `added ${device.name}`)
      const [stored] = await list()
      assert.equal(stored.family, device.personality)
      assert.equal(stored.addedBy, 'address')
      assert.ok(stored.channels.length > 0)
      await view(page).getByRole('button', { name: 'Watch now' }).click()
      await untilPlaying(page, 1)
    })
  }

  it('by searching: several at once, with one password each', async () => {
    await openWay(/^Search the network/)
    for (const device of activated) await row(device).waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'search')
    await shoot(page, 'adding-search')
    for (const device of activated) await row(device).getByRole('checkbox').check()
    await view(page).getByRole('button', { name: `Add ${activated.length} devices` }).click()
    await view(page).getByRole('radio', { name: 'One each' }).check()
    const jobs = view(page).locator('li[data-job]')
    for (const job of await jobs.all()) {
      // The simulated devices have one login in common.
      await job.getByLabel('User name').fill(activated[0].user)
      await job.getByLabel('Password', { exact: true }).fill(activated[0].password)
    }
    await view(page).getByRole('button', { name: `Add ${activated.length} devices` }).click()
    await until('all added', async () => (await list()).length === activated.length, PICTURE_MS)
    await until('all told', async () => (await view(page).locator('li[data-job=done]').count()) === activated.length)
    await noViolations(page, 'added several')
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await untilPlaying(page, 1)
    await openSearchAgain()
    assert.equal(await row(activated[0]).getByRole('checkbox').isDisabled(), true)
  })

  async function openSearchAgain() {
    await goTab(page, 'devices')
    await openWay(/^Search the network/)
    await row(activated[0]).getByText('Already added').waitFor({ timeout: PICTURE_MS })
  }

  for (const device of activated) {
    it(`by the label before the camera: ${device.name}`, { skip: FEEDS === '' ? 'BARTIZAN_FEEDS is not set' : false }, async () => {
      // The film belongs to the browser, not to the page.
      const film = `${FEEDS}/${device.personality}.mjpeg`
      const own = await launch([...camera, `--use-file-for-fake-video-capture=${film}`])
      const before = app
      try {
        app = await openApp(own, { permissions: ['camera'] })
        page = app.page
        await openWay(/^Scan a code/)
        await view(page).getByLabel('Password', { exact: true }).waitFor({ timeout: PICTURE_MS })
        await shoot(page, `adding-scanned-${device.personality}`)
        await login(device)
        await added()
        const [stored] = await list()
        assert.equal(stored.addedBy, 'scan')
        assert.equal(stored.identity.serial, device.serial)
        await view(page).getByRole('button', { name: 'Watch now' }).click()
        await untilPlaying(page, 1)
        await app.close()
      } finally {
        app = before
        page = app.page
        await own.close()
      }
    })
  }

  it('by the text of a label, and says when its device is not there', async () => {
    const device = labelled
    await openWay(/^Scan a code/)
    await noViolations(page, 'scan')
    await typeCode('9Z9Z9Z9PAZ99999')
    await view(page).getByRole('heading', { name: 'Not found in this network' }).waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'label without a device')
    await view(page).getByRole('button', { name: 'Scan another code' }).click()
    // One maker's labels have several lines; a person types the one with the serial.
    await typeCode(device.label.split('\n')[1] ?? device.label)
    await view(page).getByLabel('Password', { exact: true }).waitFor({ timeout: PICTURE_MS })
    await login(device)
    await added()
  })

  it('a wrong password is told once, and exactly it is not sent again', async () => {
    const [device] = activated
    await openWay(/^By address/)
    await fillAddress(device)
    await login(device, 'not-the-password')
    await view(page).locator('[data-code=wrongPassword]').waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'wrong password')
    assert.equal(await view(page).getByRole('button', { name: 'Add', exact: true }).isDisabled(), true)
    await login(device)
    await added()
  })

  it('a factory-fresh device gets its first password and is added in one go', { skip: fresh ? false : 'no fresh device' }, async () => {
    // It does not announce itself, so its address is typed.
    await openWay(/^By address/)
    await fillAddress(fresh)
    await view(page).getByRole('heading', { name: 'Set its first password' }).waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'activation')
    const set = view(page).getByRole('button', { name: 'Set the password and add' })
    await view(page).getByLabel('New password').fill('admin123')
    await view(page).getByLabel('Repeat the password').fill('admin123')
    await set.click()
    await view(page).getByText('This password breaks a rule below.').waitFor()
    await view(page).getByLabel('New password').fill(FIRST_PASSWORD)
    await view(page).getByLabel('Repeat the password').fill(FIRST_PASSWORD)
    await set.click()
    await added()
    assert.equal((await list()).length, 1)
  })

  it('a device card brings all devices to a second profile', async () => {
    const [device] = activated
    await openWay(/^By address/)
    await fillAddress(device)
    await login(device)
    await added()
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await goTab(page, 'devices')
    await view(page).getByRole('button', { name: 'Device card', exact: true }).click()
    await noViolations(page, 'card before')
    await view(page).getByLabel('Password of the card').fill(CARD_PASSWORD)
    const made = page.waitForResponse((response) => response.url().endsWith('/rpc/card.create'))
    await view(page).getByRole('button', { name: 'Make the card' }).click()
    const { parts } = (await (await made).json()).ok
    await view(page).getByRole('button', { name: 'Save as picture' }).waitFor()
    await noViolations(page, 'card')
    await shoot(page, 'adding-card')
    const download = page.waitForEvent('download')
    await view(page).getByRole('button', { name: 'Save as picture' }).click()
    const picture = await (await download).path()

    await page.goto(SECOND_URL || APP_URL)
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    await reset(page)
    await openWay(/^From a device card/)
    await view(page).getByRole('button', { name: 'From a picture' }).waitFor()
    await page.locator('input[type=file]').setInputFiles({ name: 'card.png', mimeType: 'image/png', buffer: readFileSync(picture) })
    await view(page).getByLabel('Password of the card').fill('not-the-password', { timeout: PICTURE_MS })
    await view(page).getByRole('button', { name: 'Open the card' }).click()
    await view(page).locator('[data-code=cardPassword]').waitFor()
    await view(page).getByLabel('Password of the card').fill(CARD_PASSWORD)
    await view(page).getByRole('button', { name: 'Open the card' }).click()
    await view(page).getByText(device.host).first().waitFor()
    await noViolations(page, 'card opened')
    await view(page).getByRole('button', { name: 'Add it' }).click()
    await view(page).locator('li[data-result=added]').waitFor({ timeout: PICTURE_MS })
    const [stored] = await list()
    assert.equal(stored.addedBy, 'card')
    assert.ok(parts.length > 0)
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await untilPlaying(page, 1)
  })

  it('shows what a device says about itself, and gives it a domain', async () => {
    const device = labelled
    await openWay(/^By address/)
    await fillAddress(device)
    await login(device)
    await added()
    await view(page).getByRole('button', { name: /Reach it from outside/ }).click()
    await view(page).getByLabel('Domain or public address').fill('yard.quickddns.com')
    await view(page).getByLabel('RTSP port').fill('20554')
    await view(page).getByText('Reachable from the internet').or(view(page).getByText('stands open to the internet')).first().waitFor()
    await noViolations(page, 'domain')
    await view(page).getByRole('button', { name: 'Save', exact: true }).click()
    await until('two ways', async () => (await list())[0]?.routes.length === 2, PICTURE_MS)
    await view(page).getByText('It has a second address: yard.quickddns.com.').waitFor()
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await goTab(page, 'devices')
    await view(page).locator('ion-item-sliding a').first().click()
    await view(page).getByRole('heading', { name: 'Ways to reach it' }).waitFor()
    await view(page).getByText('in use').waitFor()
    await view(page).getByText(device.serial).first().waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'device page')
    await shoot(page, 'adding-device-page')
  })
})
