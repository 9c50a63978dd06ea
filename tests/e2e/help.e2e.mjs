/**
 * Help, feedback and about on a phone: found, read, searched in both languages, and of use where a window shows no
 * picture. Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, site, until, view } from './lib.mjs'

const { host, port, user, password } = READY ? site() : { host: '', port: '', user: '', password: '' }
const STREAM_PATH = process.env.BARTIZAN_SIM_PATH ?? '/Streaming/Channels/101'
const NAME = 'Rosenholz gate'

describe('help', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 600_000 }, () => {
  let browser
  let app
  let page
  let foreign

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    await reset(page)
    foreign = []
    const own = new URL(page.url()).host
    page.on('request', (request) => {
      const url = new URL(request.url())
      if (!['data:', 'blob:'].includes(url.protocol) && url.host !== own) foreign.push(url.host)
    })
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    assert.deepEqual(foreign, [], 'help asks nobody outside')
    await app.close()
  })

  const heading = (name) => view(page).getByRole('heading', { name, exact: true }).waitFor()
  const open = async (path, title) => {
    await page.evaluate((to) => { window.location.hash = to }, path)
    await page.waitForURL(`**/#${path}`)
    await heading(title)
  }
  const openHelp = async () => {
    await goTab(page, 'me')
    await view(page).getByRole('link', { name: 'Help', exact: true }).click()
    // *Me* has a heading of that name too.
    await view(page).locator('nav a[href^="#/help/"]').first().waitFor()
    await heading('Help')
  }
  const search = (words) => view(page).getByRole('searchbox').fill(words)

  async function addCamera() {
    const device = await rpc(page, 'devices.add', { url: `rtsp://${host}:${port}${STREAM_PATH}`, user, password, name: NAME, transport: 'tcp' })
    // Behind the page's back: it reads its list anew.
    await page.reload()
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    return device
  }

  it('lists its modules, and each page has no fault of accessibility', async () => {
    await openHelp()
    await noViolations(page, 'the first page of help')
    await shoot(page, 'help-index')
    const links = await view(page).locator('nav a[href^="#/help/"]').evaluateAll((all) => all.map((one) => one.getAttribute('href').slice(1)))
    assert.equal(new Set(links).size, 18, links.join(' '))
    for (const link of links) {
      await view(page).locator(`nav a[href="#${link}"]`).click()
      await page.waitForURL(`**/#${link}`)
      await until(`${link} has a title of its own`, async () => !['', 'Help'].includes(await view(page).locator('h1').textContent()))
      await noViolations(page, link)
      await view(page).getByRole('button', { name: 'Back' }).first().click()
      await heading('Help')
    }
  })

  it('is searched in English and Chinese, and leads to the answer', async () => {
    await openHelp()
    await search('account locked')
    await view(page).getByRole('link', { name: /The account is locked/ }).click()
    const answer = view(page).locator('[data-faq="locked"]')
    await answer.getByText('Wait: most devices open after 5 to 30 minutes', { exact: false }).waitFor()
    assert.equal(await answer.evaluate((details) => details.open), true, 'the question is open')
    await view(page).getByRole('button', { name: 'Back' }).click()
    await heading('Help')
    await search('xylophone')
    await view(page).getByText('Nothing was found', { exact: false }).waitFor()
    await noViolations(page, 'a search without a hit')
    await rpc(page, 'settings.set', { language: 'zh' })
    await page.reload()
    await view(page).getByRole('searchbox').fill('密码错误')
    await view(page).getByRole('link', { name: /用户名或密码错误/ }).first().waitFor()
    await noViolations(page, 'a search in Chinese')
    await shoot(page, 'help-search-zh')
  })

  it('explains a window without a picture and cures it with one tap', async () => {
    const device = await addCamera()
    await open(`/help/failure/timeout?device=${device.id}&channel=${device.channels[0].number}`, 'Why is there no picture?')
    await view(page).getByRole('heading', { name: 'The device did not answer in time' }).waitFor()
    await noViolations(page, 'help about a failure')
    await shoot(page, 'help-failure')
    await view(page).getByRole('button', { name: 'Use UDP' }).click()
    await until('the device uses UDP', async () => (await rpc(page, 'devices.list')).devices[0].transport === 'udp')
    await open('/help/failure/wrongPassword', 'Why is there no picture?')
    assert.equal(await view(page).locator('[data-cure]').count(), 0, 'without a device there is nothing to press')
    await open(`/help/failure/decoderFailed?device=${device.id}`, 'Why is there no picture?')
    await view(page).getByRole('button', { name: 'Decode in software' }).click()
    await until('software decodes', async () => (await rpc(page, 'settings.get')).hardDecoding === false)
  })

  it('is one tap away from a failing window', async () => {
    await addCamera()
    await goTab(page, 'home')
    await page.locator('.tile[data-phase="playing"]').first().waitFor({ timeout: PICTURE_MS })
    // The core refuses to open the stream, as it does where a device is full.
    await page.route('**/rpc/live.open', (route) => route.fulfill({
      json: { err: { code: 'tooManySessions', detail: 'test', retryAfterMs: null, triesLeft: null } },
    }))
    await page.reload()
    const tile = page.locator('.tile').first()
    await until('the window says so', async () => ['failed', 'backoff'].includes(await tile.getAttribute('data-phase')), PICTURE_MS)
    await tile.locator('.hit').focus()
    await page.keyboard.press('ArrowRight')
    await tile.locator('.hit').dispatchEvent('click')
    const help = view(page).getByRole('link', { name: 'Help', exact: true }).first()
    await help.waitFor()
    await shoot(page, 'help-in-window')
    await help.click()
    await heading('Why is there no picture?')
    await view(page).getByText('For ', { exact: false }).first().waitFor()
    await view(page).getByRole('button', { name: 'One window' }).click()
    await until('one window', async () => (await rpc(page, 'settings.get')).layout === 1)
    await page.unroute('**/rpc/live.open')
    await view(page).getByRole('button', { name: 'Try again' }).click()
    await page.locator('.tile[data-phase="playing"]').first().waitFor({ timeout: PICTURE_MS })
  })

  it('stays in its place while a window is tried again and again', async () => {
    // The way to the device: it breaks, and each new connection then dies after a moment in which a try is on its way.
    const lines = new Set()
    let tries = 0
    let broken = false
    const way = createServer((line) => {
      lines.add(line)
      line.on('error', () => undefined)
      if (broken) {
        tries += 1
        setTimeout(() => line.destroy(), 400)
        return
      }
      const on = connect(Number(port), host)
      on.on('error', () => line.destroy())
      line.on('close', () => on.destroy())
      line.pipe(on).pipe(line)
    })
    await new Promise((resolve) => { way.listen(0, '127.0.0.1', resolve) })
    try {
      await rpc(page, 'devices.add', { url: `rtsp://127.0.0.1:${way.address().port}${STREAM_PATH}`, user, password, name: NAME, transport: 'tcp' })
      await rpc(page, 'settings.set', { layout: 1 })
      await page.reload()
      await goTab(page, 'home')
      const tile = page.locator('.tile').first()
      await page.locator('.tile[data-phase="playing"]').first().waitFor({ timeout: PICTURE_MS })
      await tile.locator('.hit').dispatchEvent('click')
      broken = true
      for (const line of lines) line.destroy()
      const help = view(page).getByRole('link', { name: 'Help', exact: true })
      await help.waitFor({ timeout: PICTURE_MS })
      const before = tries
      const missed = await page.evaluate(() => new Promise((resolve) => {
        const missing = new Set()
        const until = performance.now() + 6000
        const look = (now) => {
          const shown = (selector) => document.querySelector(selector)?.getClientRects().length > 0
          for (const one of ['.info .help', '.info .button', '.tile .cure']) if (!shown(one)) missing.add(one)
          if (now < until) requestAnimationFrame(look)
          else resolve([...missing])
        }
        requestAnimationFrame(look)
      }))
      await shoot(page, 'help-while-trying')
      assert.ok(tries - before >= 2, `${tries - before} tries while it was watched`)
      assert.deepEqual(missed, [], 'they were gone for a moment')
      broken = false
      await tile.getByRole('button', { name: 'Try again' }).click()
      await page.locator('.tile[data-phase="playing"]').first().waitFor({ timeout: PICTURE_MS })
      await until('nothing is wrong any more', async () => (await help.count()) === 0)
    } finally {
      for (const line of lines) line.destroy()
      way.close()
    }
  })

  it('makes a diagnostics file, shows it whole and saves it', async () => {
    await addCamera()
    await goTab(page, 'home')
    await page.locator('.tile[data-phase="playing"]').first().waitFor({ timeout: PICTURE_MS })
    await goTab(page, 'me')
    await view(page).getByRole('link', { name: 'Send feedback' }).click()
    await heading('Feedback')
    await noViolations(page, 'feedback')
    await view(page).getByRole('button', { name: 'Make the file' }).click()
    const shown = view(page).locator('pre')
    await shown.waitFor()
    await noViolations(page, 'a diagnostics file')
    await shoot(page, 'feedback')
    const [download] = await Promise.all([page.waitForEvent('download'), view(page).getByRole('button', { name: 'Save', exact: true }).click()])
    assert.match(download.suggestedFilename(), /^bartizan-diagnostics-\d+\.json$/)
    const text = await readFile(await download.path(), 'utf8')
    assert.equal(text, await shown.textContent(), 'what is saved is what is shown')
    const bundle = JSON.parse(text)
    assert.equal(bundle.format, 'bartizan-diagnostics/1')
    assert.equal(bundle.page.windows[0].device, 'device-1')
    assert.ok(bundle.page.windows[0].presented === undefined && bundle.page.windows[0].presentedFps >= 0)
    assert.ok(bundle.answers.some(({ protocol, received }) => protocol === 'rtsp' && received.startsWith('v=0')), 'the description of the stream')
    for (const secret of [host, password, NAME, `"${user}"`]) assert.ok(!text.includes(secret), `${secret} is in the file`)
    await view(page).locator('ion-toggle').click()
    await view(page).getByRole('button', { name: 'Make it anew' }).click()
    await until('a file without answers', async () => JSON.parse(await shown.textContent()).answers.length === 0)
  })

  it('says who made what, under which licence, and that nothing is counted', async () => {
    await goTab(page, 'me')
    await view(page).getByRole('link', { name: 'About Bartizan' }).click()
    await heading('About Bartizan')
    const { version } = await rpc(page, 'app.info')
    assert.match(await view(page).locator('[data-version]').textContent(), new RegExp(version.replaceAll('.', '\\.')))
    await view(page).getByText('Telemetry: none.', { exact: false }).waitFor()
    await noViolations(page, 'about')
    await shoot(page, 'about')
    await view(page).getByRole('link', { name: 'Licences of others' }).click()
    await heading('Licences of others')
    await view(page).getByRole('searchbox').fill('tokio')
    const entry = view(page).locator('details').filter({ hasText: /^tokio \d/ })
    await entry.locator('summary').click()
    await entry.locator('pre').first().waitFor()
    assert.match(await entry.locator('pre').first().textContent(), /licen[cs]e/i)
    await noViolations(page, 'the licences')
    await shoot(page, 'licences')
  })
})
