/**
 * The three quality modes: chosen under Me for all windows and in the tools for one, in force at once, and remembered.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import {
  goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, site, stats, until, untilPlaying, view,
} from './lib.mjs'

const { host, port, user, password } = READY ? site() : { host: '', port: '', user: '', password: '' }

describe('quality modes', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 600_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    await reset(page)
    await rpc(page, 'devices.add', { host, ports: { rtsp: Number(port) }, user, password, name: 'Site', transport: 'tcp', family: 'rtsp' })
    await rpc(page, 'settings.set', { layout: 2, qualityMode: 'auto', fluentDelayMs: 400 })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 2)
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await rpc(page, 'settings.set', { qualityMode: 'auto', fluentDelayMs: 400 })
    await app.close()
  })

  const radio = (name) => view(page).getByRole('radio', { name, exact: true })
  const quality = async (index) => (await stats(page)).find((row) => row.index === index)
  const select = async (index) => {
    const box = await page.locator(`.tile[data-index="${index}"]`).boundingBox()
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2)
    await page.locator('.info .facts').waitFor()
  }
  const facts = () => page.locator('.info .facts').innerText()

  it('fluent holds every window for its delay, real-time none, and both are remembered', async () => {
    await goTab(page, 'me')
    assert.ok(await radio('Auto').isChecked(), 'auto at first')
    await radio('Fluent').check()
    const delay = view(page).getByRole('slider', { name: /Delay of Fluent/ })
    await delay.fill('1200')
    await until('stored', async () => (await rpc(page, 'settings.get')).fluentDelayMs === 1200)
    await delay.scrollIntoViewIfNeeded()
    await noViolations(page, 'Me with the quality modes')
    await shoot(page, 'quality-me')
    await goTab(page, 'home')
    await untilPlaying(page, 2)
    for (const index of [0, 1]) {
      await until(`window ${index} is 1200 ms old`, async () => {
        const { lagMs, quality: mode } = await quality(index)
        return mode === 'fluent' && lagMs >= 1200 ? lagMs : null
      }, PICTURE_MS)
    }
    await select(0)
    await until('the age in the line below', async () => /^1\d{3} ms old · Fluent 1200 ms/.test(await facts()))
    await shoot(page, 'quality-fluent')

    await page.reload()
    await goTab(page, 'me')
    assert.ok(await radio('Fluent').isChecked(), 'remembered')
    await radio('Real-time').check()
    await until('no delay to set', async () => (await delay.count()) === 0)
    await goTab(page, 'home')
    await untilPlaying(page, 2)
    await until('younger than the delay of fluent', async () => {
      const { lagMs, quality: mode, delayMs } = await quality(0)
      return mode === 'realTime' && delayMs === 0 && lagMs !== null && lagMs < 1200
    }, PICTURE_MS)
    await select(0)
    await until('the mode in the line below', async () => / ms old · Real-time · /.test(await facts()))
  })

  it('a window has a mode of its own when it is given one', async () => {
    await select(1)
    const tool = view(page).getByRole('toolbar', { name: 'Wall tools' }).getByRole('button', { name: /^Mode: Quality mode of/ })
    await tool.click()
    const sheet = page.locator('ion-action-sheet:visible')
    await sheet.getByText('As set under Me (Auto)').waitFor()
    await shoot(page, 'quality-sheet')
    await sheet.getByRole('button', { name: 'Fluent' }).click()
    const differ = async () => {
      const [first, second] = [await quality(0), await quality(1)]
      return first.quality === 'auto' && second.quality === 'fluent' && second.lagMs >= 400
    }
    await until('only the second is fluent', differ, PICTURE_MS)
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 2)
    await until('still only the second', differ, PICTURE_MS)

    await select(1)
    await tool.click()
    await sheet.getByRole('button', { name: /^As set under Me/ }).click()
    await until('as all others', async () => (await quality(1)).quality === 'auto')
  })

  it('holds pictures that the core decoded as well', async () => {
    await rpc(page, 'settings.set', { hardDecoding: false, qualityMode: 'fluent', fluentDelayMs: 600 })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 2)
    await until('600 ms old, from openh264', async () => {
      const { lagMs, path } = await quality(0)
      return path === 'openh264' && lagMs >= 600
    }, PICTURE_MS)
  })
})
