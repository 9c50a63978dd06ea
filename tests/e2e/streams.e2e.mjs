/**
 * Which stream a window plays: automatic, fluent, HD and custom, against simulated devices of each family.
 * Needs BARTIZAN_URL and BARTIZAN_BRANDS; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, goTab, launch, noViolations, openApp, PICTURE_MS, reset, rpc, shoot, stats, until, untilPlaying, view } from './lib.mjs'

const LIST = process.env.BARTIZAN_BRANDS ?? ''
const READY = APP_URL !== '' && LIST !== ''
const brands = READY ? JSON.parse(readFileSync(LIST, 'utf8')) : []
const of = (personality) => brands.find((one) => one.personality === personality && one.activated)

describe('streams', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_BRANDS are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    await reset(page)
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  async function watch({ host, httpPort, user, password }, layout = 4) {
    const device = await rpc(page, 'devices.add', { host, ports: { http: httpPort }, user, password, transport: 'tcp' })
    await rpc(page, 'settings.set', { layout })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 1)
    return { device: device.id, channel: 1 }
  }
  const width = async () => (await stats(page))[0]?.width
  const shows = (pixels) => until(`a picture ${pixels} wide`, async () => (await width()) === pixels, PICTURE_MS)
  /** Pictures of that width keep coming, and of no other. */
  const stays = async (pixels) => {
    const from = (await stats(page))[0].presented
    await until('more pictures', async () => {
      assert.equal(await width(), pixels)
      return (await stats(page))[0].presented > from + 15
    }, PICTURE_MS)
  }
  const sheet = () => page.locator('ion-modal:visible')
  const radio = (name) => sheet().getByRole('radio', { name, exact: true })
  const gone = () => until('the sheet gone', async () => (await page.locator('ion-modal:visible').count()) === 0)
  async function open() {
    const tool = view(page).getByRole('toolbar', { name: 'Wall tools' }).getByRole('button', { name: /^Stream: / })
    if (await tool.count() === 0) await page.evaluate(() => window.__bartizanWall.select(0))
    await tool.click()
    await sheet().waitFor()
  }
  async function close() {
    await sheet().getByRole('button', { name: 'Cancel' }).click()
    await gone()
  }
  const choice = async () => (await rpc(page, 'streams.choices')).choices[0]?.choice ?? 'auto'

  it('HD and fluent change the picture, and stay chosen over a reload', async () => {
    await watch(of('dahua'))
    await shows(640)
    await open()
    assert.equal(await radio('Automatic').isChecked(), true)
    await shoot(page, 'stream-choice')
    await noViolations(page, 'the choice of streams')
    await radio('HD').check()
    await shows(1280)
    await close()
    await view(page).getByText('HD', { exact: true }).first().waitFor()
    await shoot(page, 'stream-hd')
    assert.equal(await choice(), 'hd')

    await page.reload()
    await goTab(page, 'home')
    await shows(1280)
    await open()
    assert.equal(await radio('HD').isChecked(), true)
    await radio('Fluent').check()
    await shows(640)
    await close()

    // Enlarged too: it is what the user said.
    await page.evaluate(() => window.__bartizanWall.enlarge(0))
    await stays(640)
    await open()
    await radio('Automatic').check()
    await shows(1280)
    await close()
    assert.equal(await choice(), 'auto')
    await page.evaluate(() => window.__bartizanWall.enlarge(null))
    await shows(640)
  })

  it('a large window takes the main stream by itself, a small one does not', async () => {
    await app.close()
    app = await openApp(browser, { viewport: { width: 1600, height: 1000 }, deviceScaleFactor: 1, isMobile: false })
    page = app.page
    await watch(of('dahua'), 1)
    await shows(1280)
    await rpc(page, 'settings.set', { layout: 9 })
    await page.reload()
    await goTab(page, 'home')
    await shows(640)
    await stays(640)
  })

  for (const personality of ['onvif', 'isapi', 'dahua']) {
    it(`${personality}: custom changes the picture, and says what the device made of it`, async () => {
      const channel = await watch(of(personality), 1)
      await open()
      await radio('Custom').check()
      await sheet().getByText('This changes the device for everybody', { exact: false }).waitFor()
      await sheet().getByText(/^Now: /).first().waitFor({ timeout: PICTURE_MS })
      await sheet().getByRole('radio', { name: 'Main (HD)' }).check()
      const apply = sheet().getByRole('button', { name: 'Apply to the device' })
      assert.equal(await apply.isDisabled(), true, 'nothing to write yet')
      const before = await rpc(page, 'streams.encoders', channel)
      const sizes = await sheet().getByLabel('Resolution').locator('option').allTextContents()
      assert.deepEqual(sizes, ['1280×720', '1024×576', '960×540'])
      await sheet().getByLabel('Bit rate, kbit/s').fill('99999')
      assert.equal(await apply.isDisabled(), true, 'beyond what the device offers')
      await sheet().getByLabel('Bit rate, kbit/s').fill('1024')
      await sheet().getByLabel('Resolution').selectOption('960x540')
      await sheet().getByLabel('Picture rate').selectOption({ label: '17 pictures/s' })
      await shoot(page, `stream-custom-${personality}`)
      await noViolations(page, 'encoder settings')
      assert.deepEqual(await rpc(page, 'streams.encoders', channel), before, 'nothing is written without a tap')

      await apply.click()
      await sheet().getByText('Picture rate: asked 17 pictures/s, the device took 15 pictures/s.').waitFor()
      await sheet().getByText('The device took something else.').scrollIntoViewIfNeeded()
      await shoot(page, `stream-applied-${personality}`)
      await shows(960)
      const { streams } = await rpc(page, 'streams.encoders', channel)
      assert.deepEqual([streams[0].settings.size, streams[0].settings.bitRate], [{ width: 960, height: 540 }, 1024])
      assert.equal(await choice(), 'customMain')

      await sheet().getByLabel('Resolution').selectOption('1280x720')
      await sheet().getByLabel('Picture rate').selectOption({ label: '25 pictures/s' })
      await sheet().getByRole('button', { name: 'Apply to the device' }).click()
      await sheet().getByText('The device took everything.').waitFor()
      await shows(1280)
      await close()
    })
  }

  it('a device known by its video alone has no custom, and says why', async () => {
    const { host, rtspPort, user, password } = of('dahua')
    await rpc(page, 'devices.add', { url: `rtsp://${user}:${password}@${host}:${rtspPort}/cam/realmonitor?channel=1&subtype=0` })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 1)
    await open()
    await sheet().getByText('Only its video address is known', { exact: false }).waitFor()
    assert.equal(await radio('Custom').isDisabled(), true)
    await radio('HD').check()
    await shows(1280)
    await shoot(page, 'stream-video-only')
    await noViolations(page, 'the choice of streams')
    await close()
  })
})
