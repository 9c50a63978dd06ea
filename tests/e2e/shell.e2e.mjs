/**
 * The shell as a newcomer meets it, on a phone, against a simulated site.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs. Run with `node --test tests/e2e/shell.e2e.mjs`.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import {
  doubleTap, drag, goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, setLayout, shoot, SIM_URL, site, stats, until,
  untilPlaying, view,
} from './lib.mjs'

const { host, port, user, password } = READY ? site() : { host: '', port: '', user: '', password: '' }
/** Path of one stream of the site, for the way by URL. */
const STREAM_PATH = process.env.BARTIZAN_SIM_PATH ?? '/Streaming/Channels/101'

describe('shell', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 600_000 }, () => {
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
    // The last look of every test, so that a failure in CI can be seen.
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  async function openWays() {
    await page.getByRole('button', { name: 'Add a device' }).first().click()
    await view(page).getByRole('heading', { name: 'Add a device' }).waitFor()
  }

  async function openForm() {
    await openWays()
    await view(page).getByRole('link', { name: /^By address/ }).click()
    await view(page).getByLabel('Address', { exact: true }).waitFor()
  }

  const nextButton = () => view(page).getByRole('button', { name: 'Next', exact: true })

  /** The site speaks only RTSP: nothing answers on the control ports, and the page goes on to the login. */
  async function fillAddress(secret = password, rtspPort = port) {
    const form = view(page)
    await form.getByLabel('Address', { exact: true }).fill(host)
    await form.getByText('More: ports, protocol, second address').click()
    await form.getByLabel('RTSP port').fill(rtspPort)
    await form.getByLabel('Protocol').selectOption('rtsp')
    await nextButton().click()
    await form.getByLabel('User name').fill(user)
    await form.getByLabel('Password', { exact: true }).fill(secret)
  }

  const addButton = () => view(page).getByRole('button', { name: 'Add', exact: true })

  async function addByAddress(name = 'Simulated site') {
    await openForm()
    await fillAddress()
    await view(page).getByLabel('Name (optional)').fill(name)
    await addButton().click()
    await view(page).getByRole('heading', { name: 'Added' }).waitFor({ timeout: PICTURE_MS })
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await page.locator('.tile').first().waitFor()
    // A first recorder opens as large as it is; four windows are quicker to wait for.
    await until('sixteen windows', async () => (await page.locator('.tile').count()) === 16)
    await chooseLayout('4 windows')
    await until('four windows', async () => (await page.locator('.tile').count()) === 4)
  }

  const chooseLayout = (name) => setLayout(page, name)

  it('two taps quicker than a frame end on the page of the second', async () => {
    const shown = () => page.locator('ion-tabs .ion-page:not(.ion-page-hidden, .ion-page-invisible) h1:visible').allTextContents()
    await goTab(page, 'devices')
    await goTab(page, 'home')
    const [home] = await shown()
    // A phone that draws late. All of it in the page, so that no machine is too slow for it.
    assert.equal(await page.evaluate(async () => {
      const draw = window.requestAnimationFrame.bind(window)
      window.requestAnimationFrame = (then) => setTimeout(() => draw(then), 400)
      window.__changes = 0
      window.addEventListener('ionNavDidChange', () => { window.__changes += 1 }, true)
      const tap = (tab) => document.querySelector(`#tab-button-${tab}`).shadowRoot.querySelector('a').click()
      tap('devices')
      while (window.location.hash !== '#/devices') await new Promise((resolve) => setTimeout(resolve, 5))
      tap('home')
      return window.__changes
    }), 0, 'the first was still on its way')
    await until('both changes', async () => page.evaluate(() => window.__changes >= 2))
    assert.deepEqual(await shown(), [home])
  })

  it('takes the token out of the address', async () => {
    assert.doesNotMatch(page.url(), /token/)
  })

  it('a newcomer adds a device by URL and sees it', async () => {
    await shoot(page, 'home-empty')
    await noViolations(page, 'home without devices')
    await openWays()
    await noViolations(page, 'ways to add')
    await view(page).getByRole('link', { name: /^By address/ }).click()
    await view(page).getByLabel('Address', { exact: true }).fill(`${SIM_URL.replace(/\/$/, '')}${STREAM_PATH}`)
    await noViolations(page, 'add by URL')
    await nextButton().click()
    await addButton().click()
    await view(page).getByRole('heading', { name: 'Added' }).waitFor({ timeout: PICTURE_MS })
    await noViolations(page, 'added')
    await view(page).getByRole('button', { name: 'Watch now' }).click()
    await untilPlaying(page, 1)
    await until('one camera, one window', async () => (await page.locator('.tile').count()) === 1)
    await shoot(page, 'home-one')
  })

  it('a newcomer adds a recorder by address and sees sixteen windows', async () => {
    await addByAddress()
    await chooseLayout('16 windows')
    const { devices } = await rpc(page, 'devices.list')
    const channels = Math.min(16, devices.flatMap((device) => device.channels).length)
    assert.ok(channels > 0)
    await untilPlaying(page, channels)
    await until('words of the windows', async () => (await page.locator('.tile[data-phase=playing]').count()) >= channels, PICTURE_MS)
    await shoot(page, 'home-16')
    await noViolations(page, 'wall of 16')
    await page.setViewportSize({ width: 844, height: 390 })
    await until('chrome steps back', async () => !(await page.locator('ion-tab-bar').isVisible()))
    await shoot(page, 'home-16-landscape')
    const area = await page.locator('.mount').boundingBox()
    await page.touchscreen.tap(area.x + area.width / 2, area.y + area.height / 2)
    await page.locator('ion-tab-bar').waitFor({ state: 'visible' })
  })

  it('says that a password is wrong and does not try it again', async () => {
    await openForm()
    await fillAddress('not-the-password')
    await addButton().click()
    const note = view(page).locator('[data-code=wrongPassword]')
    await note.waitFor({ timeout: PICTURE_MS })
    assert.match(await note.innerText(), /tried once and will not be retried by itself/)
    await noViolations(page, 'add with a failure')
    await shoot(page, 'add-wrong-password')
    assert.deepEqual((await rpc(page, 'devices.list')).devices, [])
  })

  it('refuses what cannot be an address before asking anybody', async () => {
    await openForm()
    await nextButton().click()
    await view(page).getByText('Please enter a host name').waitFor()
    await view(page).getByLabel('Address', { exact: true }).fill(host)
    await view(page).getByText('More: ports, protocol, second address').click()
    await view(page).getByLabel('HTTP port', { exact: true }).fill('70000')
    await nextButton().click()
    await view(page).getByText('A port is a number from 1 to 65535.').waitFor()
  })

  it('says when nothing listens at the address', async () => {
    await openForm()
    await fillAddress(password, '9')
    await addButton().click()
    await view(page).locator('[data-code=unreachable]').waitFor({ timeout: PICTURE_MS })
  })

  it('enlarges on a double tap and shows HD, and by keyboard', async () => {
    await addByAddress()
    await untilPlaying(page, 1)
    const box = await page.locator('.tile').first().boundingBox()
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    await doubleTap(page, x, y)
    await until('one window left', async () => (await page.locator('.tile').count()) === 1)
    await page.locator('.tile .quality', { hasText: 'HD' }).waitFor({ timeout: PICTURE_MS })
    await shoot(page, 'home-enlarged')
    await view(page).getByRole('button', { name: 'Show all windows' }).click()
    await until('all windows back', async () => (await page.locator('.tile').count()) === 4)
    await page.locator('.tile .hit[tabindex="0"]').focus()
    await page.keyboard.press('ArrowRight')
    await page.locator('.tile.selected[data-index="1"]').waitFor()
    await page.keyboard.press('ArrowLeft')
    await page.locator('.tile.selected[data-index="0"]').waitFor()
    await page.keyboard.press('Enter')
    await until('enlarged by Enter', async () => (await page.locator('.tile').count()) === 1)
    await page.keyboard.press('Escape')
    await until('restored by Escape', async () => (await page.locator('.tile').count()) === 4)
  })

  it('switches layouts and pages, and remembers the layout', async () => {
    await addByAddress()
    for (const [name, count] of [['1 window', 1], ['9 windows', 9], ['4 windows', 4]]) {
      await chooseLayout(name)
      await until(name, async () => (await page.locator('.tile').count()) === count)
    }
    const next = view(page).getByRole('button', { name: 'Next page' })
    if (await next.isVisible()) {
      await next.click()
      await page.locator('.tile[data-index="4"]').waitFor()
    }
    await chooseLayout('9 windows')
    await until('stored', async () => (await rpc(page, 'settings.get')).layout === 9)
    await page.reload()
    await until('nine windows after a reload', async () => (await page.locator('.tile').count()) === 9)
  })

  it('renames, deletes and takes the deletion back', async () => {
    await addByAddress('First name')
    await goTab(page, 'devices')
    await view(page).getByText('First name').waitFor()
    await noViolations(page, 'devices')
    await shoot(page, 'devices')
    await view(page).getByRole('button', { name: 'More for First name' }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.locator('ion-alert input').fill('Second name')
    await page.getByRole('button', { name: 'Save' }).click()
    await view(page).getByText('Second name').waitFor()
    await page.locator('ion-alert').waitFor({ state: 'detached' })
    await view(page).getByRole('button', { name: 'More for Second name' }).click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Delete' }).click()
    await until('gone', async () => (await rpc(page, 'devices.list')).devices.length === 0)
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await view(page).getByText('Second name').waitFor()
    assert.equal((await rpc(page, 'devices.list')).devices.length, 1)
  })

  it('edits a device without asking twice for its password, also after a reload', async () => {
    await addByAddress('Yard')
    await goTab(page, 'devices')
    await view(page).getByRole('button', { name: 'More for Yard' }).click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Edit' }).click()
    await view(page).getByRole('heading', { name: 'Edit device' }).waitFor()
    await page.reload()
    const form = view(page)
    await until('fields filled', async () => (await form.getByLabel('Address', { exact: true }).inputValue()) === host)
    assert.equal(await form.getByLabel('Password', { exact: true }).inputValue(), '')
    await noViolations(page, 'edit')
    await form.getByRole('radio', { name: 'TCP' }).check()
    await form.getByRole('button', { name: 'Save' }).click()
    await until('stored', async () => (await rpc(page, 'devices.list')).devices[0]?.transport === 'tcp', PICTURE_MS)
    await view(page).getByRole('heading', { name: 'Devices' }).waitFor()
  })

  it('deletes with a swipe to the left', async () => {
    await addByAddress('Yard')
    await goTab(page, 'devices')
    const box = await page.locator('ion-item-sliding').boundingBox()
    const y = box.y + box.height / 2
    await drag(page, { x: box.x + box.width * 0.7, y }, { x: box.x + box.width * 0.2, y })
    await view(page).getByRole('button', { name: 'Delete' }).click()
    await until('gone', async () => (await rpc(page, 'devices.list')).devices.length === 0)
  })

  it('turns hard decoding off at once, for every window', async () => {
    await addByAddress()
    await untilPlaying(page, 1)
    await goTab(page, 'me')
    await view(page).getByRole('switch', { name: 'Hard decoding' }).click()
    await until('stored', async () => (await rpc(page, 'settings.get')).hardDecoding === false)
    await goTab(page, 'home')
    await until('software everywhere', async () => {
      const shown = await page.locator('.tile').count()
      const rows = (await stats(page)).slice(0, shown)
      return rows.length > 0 && rows.every((row) => row.path === 'openh264' && row.presented > 0)
    }, PICTURE_MS)
  })

  it('speaks Chinese when asked, and has no gaps in any view', async () => {
    await goTab(page, 'messages')
    await view(page).getByText('No alarm messages').waitFor()
    await noViolations(page, 'messages')
    await goTab(page, 'me')
    await noViolations(page, 'me')
    await shoot(page, 'me')
    await view(page).getByRole('radio', { name: '简体中文' }).check()
    await view(page).getByRole('heading', { name: '我的' }).waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans')
    await shoot(page, 'me-zh')
    await view(page).getByRole('radio', { name: '浅色' }).check()
    await until('light', async () => (await page.locator('html').getAttribute('data-theme')) === 'light')
    await noViolations(page, 'me, Chinese, light')
    await page.reload()
    await page.locator('ion-tab-button', { hasText: '我的' }).waitFor()
  })
})
