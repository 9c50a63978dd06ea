/**
 * A window plays what its device recorded an hour ago: by the tool, the key and the menu, with steps and gaps, on devices
 * of each family. The clock in the simulated picture says when it was taken, and that is what is believed.
 *
 * Needs BARTIZAN_URL and BARTIZAN_BRANDS; see adding.e2e.mjs. With BARTIZAN_SIM, a site that records nothing, the camera
 * that cannot is one of its; without it that test is left out.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, goTab, launch, noViolations, openApp, PICTURE_MS, reset, rpc, shoot, SIM_URL, until, view } from './lib.mjs'
import { readTimeBar, timeOfBar } from './timebar.mjs'

const LIST = process.env.BARTIZAN_BRANDS ?? ''
const READY = APP_URL !== '' && LIST !== ''
const brands = READY ? JSON.parse(readFileSync(LIST, 'utf8')) : []
const of = (personality) => brands.find((one) => one.personality === personality && one.activated)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Groups of pictures, the steps of the badge and a busy machine. */
const ABOUT_MS = 15_000

describe('one hour ago', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_BRANDS are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser, { reducedMotion: 'reduce' })
    page = app.page
    await reset(page)
  })
  afterEach(async (context) => {
    await shoot(page, `replay-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  /** The wall with this device alone, and its first window selected. */
  async function watch(draft) {
    const device = await rpc(page, 'devices.add', draft)
    await rpc(page, 'settings.set', { layout: 4 })
    await page.reload()
    await goTab(page, 'home')
    await page.locator('.tile[data-index="0"][data-phase=playing]').waitFor({ timeout: PICTURE_MS })
    await page.locator('.tile[data-index="0"] .hit').dispatchEvent('click')
    await page.locator('.tile[data-index="0"].selected').waitFor()
    return device
  }
  const watchUnit = ({ host, httpPort, user, password }) => watch({ host, ports: { http: httpPort }, user, password, transport: 'tcp' })
  const tool = (id = 'hourAgo') => view(page).locator(`[data-tool=${id}]`)
  const tile = () => page.locator('.tile[data-index="0"]')
  const bar = () => view(page).locator('.below .replay')
  /** What a unit recorded of its first channel: `[from, to]` in seconds from now; null: all the time. */
  async function records(unit, spans) {
    const body = JSON.stringify({ channel: 1, spans })
    const response = await fetch(`http://${unit.host}:${unit.httpPort}/simulator/recordings`, { method: 'POST', body })
    assert.equal(response.status, 200)
  }
  /** When the picture in the first window was taken, by the clock in it; ms since 1970, or null. */
  async function takenAt() {
    const row = await page.evaluate(() => {
      const wall = window.__bartizanWall
      const canvas = document.querySelector('.mount canvas')
      const box = wall?.pictureBox(0)
      if (box == null || canvas === null) return null
      const scale = canvas.width / canvas.clientWidth
      const copy = document.createElement('canvas')
      copy.width = Math.round(box.width * scale)
      copy.height = 1
      const context = copy.getContext('2d')
      context.drawImage(canvas, box.x * scale, (box.y + (box.height * 44) / 45) * scale, box.width * scale, 1, 0, 0, copy.width, 1)
      const { data } = context.getImageData(0, 0, copy.width, 1)
      return Array.from({ length: copy.width }, (_, at) => Math.round(0.2126 * data[4 * at] + 0.7152 * data[4 * at + 1] + 0.0722 * data[4 * at + 2]))
    })
    return row === null ? null : timeOfBar(Buffer.from(row))
  }
  /** The picture is `ago` ms old, give or take. */
  const shows = (ago, about = ABOUT_MS) => until(`a picture of ${ago / 1000} s ago`, async () => {
    const at = await takenAt()
    return at !== null && Math.abs(Date.now() - ago - at) < about ? at : null
  }, PICTURE_MS)
  const playing = () => page.locator('.tile[data-index="0"][data-phase=playing] [data-replay]').waitFor({ timeout: PICTURE_MS })
  const status = (text) => page.locator('p[role=status]').filter({ hasText: text }).waitFor({ state: 'attached' })

  /** Presses *Snapshot*; gives the kept pictures, the first first, each `at` when it was taken by the clock in it, ms since 1970. */
  async function snapshots(count) {
    const list = async () => (await rpc(page, 'files.list')).files.filter(({ kind }) => kind === 'snapshot')
    const known = new Set((await list()).map(({ id }) => id))
    await tool('snapshot').click()
    const files = await until(`${count} snapshots`, async () => {
      const fresh = (await list()).filter(({ id }) => !known.has(id))
      return fresh.length >= count ? fresh : null
    }, PICTURE_MS)
    const taken = []
    for (const file of files) {
      const { data } = await rpc(page, 'files.read', { id: file.id, offset: 0, length: 1 << 22 })
      const at = await readTimeBar(page, data)
      assert.ok(Math.abs(file.takenAtMs - at) < ABOUT_MS, `kept under its own time: ${file.takenAtMs - at} ms off`)
      taken.push({ ...file, at })
    }
    return taken.sort((a, b) => a.at - b.at)
  }

  for (const personality of ['isapi', 'dahua', 'onvif']) {
    it(`${personality}: a tap goes back an hour, and another one is live`, async () => {
      const unit = of(personality)
      await records(unit, null)
      await watchUnit(unit)
      await shows(0)
      assert.equal(await tool().getAttribute('aria-pressed'), 'false')
      await tool().click()
      await status('from one hour ago')
      await playing()
      const first = await shows(HOUR)
      await until('it plays', async () => (await takenAt()) > first + 1500, PICTURE_MS)
      assert.equal(await tool().getAttribute('aria-pressed'), 'true')
      assert.match(await tile().locator('.hit').getAttribute('aria-label'), /, a recording, /)
      for (const id of ['record', 'sound']) assert.equal(await tool(id).isDisabled(), true, `${id} is for live video`)
      await shoot(page, `replay-${personality}`)
      const before = await takenAt()
      const [{ at: kept }] = await snapshots(1)
      assert.ok(kept >= before && kept < before + ABOUT_MS, `what was on screen: ${kept - before} ms later`)
      await noViolations(page, 'a wall that plays a recording')

      await tool().click()
      await status('is live')
      await shows(0)
      assert.equal(await page.locator('[data-replay]').count(), 0)
      assert.equal(await bar().count(), 0)
    })
  }

  it('steps back and on, holds, and is live beyond the end', async () => {
    const unit = of('dahua')
    await records(unit, null)
    await watchUnit(unit)
    await tool().click()
    await playing()
    await shows(HOUR)
    await bar().getByRole('button', { name: 'Back 5 minutes' }).click()
    await shows(HOUR + 5 * MINUTE)
    await bar().getByRole('button', { name: 'On 30 seconds' }).click()
    await shows(HOUR + 4.5 * MINUTE)
    // Held, it goes on from where it was.
    await tool('pause').click()
    await page.locator('.tile[data-index="0"][data-phase=paused]').waitFor()
    const held = await takenAt()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    assert.equal(await takenAt(), held, 'nothing moves')
    assert.equal(await tool('snapshot').isDisabled(), true, 'nothing plays that it could be taken of')
    await tool('pause').click()
    await playing()
    const after = await until('it goes on', async () => {
      const at = await takenAt()
      return at !== held ? at : null
    }, PICTURE_MS)
    assert.ok(Math.abs(after - held) < 6000, `from where it was: ${after - held} ms`)
    // A larger window is the same recording, not live video.
    await page.locator('.tile[data-index="0"] .hit').press('Enter')
    await page.locator('.tile[data-index="0"][data-phase=playing] [data-replay]').waitFor()
    await shoot(page, 'replay-enlarged')
    await shows(HOUR + 4.5 * MINUTE)
    await page.locator('.tile[data-index="0"] .hit').press('Enter')
    await bar().getByRole('button', { name: 'Back to live' }).click()
    await shows(0)
  })

  it('keeps what is on screen where the core decodes none of it', async () => {
    const unit = of('isapi')
    await records(unit, null)
    await watchUnit(unit)
    await rpc(page, 'settings.set', { captureCount: 3 })
    await page.reload()
    await tile().locator('.hit').dispatchEvent('click')
    // As the core does with H.265, which Chromium on this machine does not decode either.
    const refusal = { code: 'unsupportedCodec', detail: 'only H.264 is decoded in software', retryAfterMs: null, triesLeft: null }
    const asked = []
    await page.route(/\/rpc\/(snapshot\.take|replay\.snapshot)$/, (route) => {
      asked.push(route.request().url().split('/').at(-1))
      return route.fulfill({ json: { err: refusal } })
    })
    for (const [what, ago] of [['snapshot.take', 0], ['replay.snapshot', HOUR]]) {
      if (ago !== 0) {
        await tool().click()
        await playing()
      }
      await shows(ago)
      const before = await takenAt()
      const taken = await snapshots(3)
      const [shown] = await page.evaluate(() => window.__bartizanWall.stats())
      assert.equal(asked.at(-1), what)
      assert.deepEqual(taken.map(({ width, height }) => [width, height]), Array(3).fill([shown.width, shown.height]), 'in full size')
      assert.ok(taken[0].at >= before && taken[0].at < before + ABOUT_MS, `what was on screen: ${taken[0].at - before} ms later`)
      for (const i of [1, 2]) assert.ok(taken[i].at - taken[i - 1].at >= 240, `apart: ${taken[i].at - taken[i - 1].at} ms`)
      await status('3 pictures were taken')
    }
    await shoot(page, 'replay-page-snapshots')
  })

  it('by keyboard and by the menu of the window', async () => {
    const unit = of('isapi')
    await records(unit, null)
    await watchUnit(unit)
    const hit = page.locator('.tile[data-index="0"] .hit')
    await hit.focus()
    await hit.press('h')
    await playing()
    await shows(HOUR)
    await hit.press('h')
    await shows(0)
    await hit.press('o')
    await page.locator('ion-action-sheet').getByText('Play from one hour ago').click()
    await playing()
    await hit.press('o')
    await page.locator('ion-action-sheet').getByText('Back to live').click()
    await shows(0)
  })

  it('begins with what came next, goes over gaps, and says where it ends', async () => {
    const unit = of('dahua')
    await records(unit, [[-50 * 60, -50 * 60 + 4], [-40 * 60, -40 * 60 + 4]])
    await watchUnit(unit)
    await tool().click()
    await page.locator('ion-toast').getByText(/Nothing was recorded at .* It begins at /).waitFor({ timeout: PICTURE_MS })
    await shows(50 * MINUTE)
    await shows(40 * MINUTE)
    await page.locator('.tile[data-index="0"][data-phase=failed]').waitFor({ timeout: PICTURE_MS })
    await page.locator('.below [data-code=nothingRecorded]').waitFor()
    await noViolations(page, 'the end of the recordings')
    await shoot(page, 'replay-nothing')
    await view(page).locator('.below').getByRole('button', { name: 'Back to live' }).click()
    await shows(0)
    await records(unit, null)
  })

  it('says of a device without recordings that it has none', { skip: SIM_URL === '' ? 'BARTIZAN_SIM is not set' : false }, async () => {
    await watch({ url: `${SIM_URL}/ch2/main`, name: 'Plain' })
    await tool().click()
    await page.locator('.tile[data-index="0"][data-phase=failed]').waitFor({ timeout: PICTURE_MS })
    await page.locator('.below [data-code=notOffered]').waitFor()
    assert.equal(await tool('snapshot').isDisabled(), true, 'what was live before is no picture of an hour ago')
    await view(page).locator('.below').getByRole('button', { name: 'Back to live' }).click()
    await shows(0)
  })
})
