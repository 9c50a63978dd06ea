/**
 * What the wall does when the device cannot decode everything, and when decoders are lost: in a browser whose decoders are
 * taken away, silenced, refused and slowed down. Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { weakDecoders } from './decoders.mjs'
import { goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, site, stats, until, untilPlaying } from './lib.mjs'

const { host, port, user, password } = READY ? site() : { host: '', port: '', user: '', password: '' }
/** Down in seconds, up after ten and more; and the machine has other work. */
const BALANCE_MS = 180_000

describe('the decode budget', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 1_200_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    await page.addInitScript(weakDecoders)
    await reset(page)
    await rpc(page, 'devices.add', { host, port: Number(port), user, password, name: 'Site', transport: 'tcp', family: 'rtsp' })
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  const open = async (layout) => {
    await rpc(page, 'settings.set', { layout })
    await page.reload()
    await goTab(page, 'home')
    await until(`${layout} windows`, async () => (await page.locator('.tile').count()) === layout)
  }
  const decoders = (change) => page.evaluate(change)
  const visible = async (n) => (await stats(page)).filter((row) => row.index < n)
  const rungs = async (n) => (await visible(n)).map((row) => row.budget.rung)
  /** Every window goes on presenting. */
  const allMove = async (n) => {
    const before = await visible(n)
    await until(`${n} windows move`, async () => (await visible(n)).every((row, at) => row.presented > before[at].presented), PICTURE_MS)
  }
  const playing = async (n) => {
    await untilPlaying(page, n)
    await until(`${n} windows play`, async () => (await page.locator('.tile[data-phase=playing]').count()) === n, PICTURE_MS)
  }

  it('heals a decoder that the system takes back', async () => {
    await open(4)
    await playing(4)
    const made = await decoders(() => { window.__decoders.reclaim(); return window.__decoders.made })
    // Made again in the same turn of the page in which the loss was told.
    assert.ok(made > 0)
    await allMove(4)
    assert.ok(await decoders(() => window.__decoders.madeAt >= window.__decoders.hurtAt), 'a new decoder')
    assert.ok((await visible(4)).every((row) => row.path === 'webcodecs'), 'in the web view still')
    assert.equal(await page.locator('.tile[data-phase=failed]').count(), 0)
  })

  it('heals a decoder that falls silent', async () => {
    await open(4)
    await playing(4)
    await decoders(() => { window.__decoders.silence() })
    await until('a new decoder', () => decoders(() => window.__decoders.madeAt > window.__decoders.hurtAt))
    console.log('noticed after', await decoders(() => Math.round(window.__decoders.madeAt - window.__decoders.hurtAt)), 'ms')
    await allMove(4)
    assert.equal(await page.locator('.tile[data-phase=failed]').count(), 0)
  })

  it('gives to the core what the web view has no decoders for', async () => {
    await decoders(() => undefined)
    await page.addInitScript(() => { window.__decoders.limit = 6 })
    await open(9)
    await until('nine windows with pictures', async () => (await visible(9)).every((row) => row.presented > 0), 2 * PICTURE_MS)
    await allMove(9)
    const paths = (await visible(9)).map((row) => row.path)
    assert.ok(await decoders(() => window.__decoders.refused > 0), 'none was refused')
    assert.ok(await decoders(() => window.__decoders.alive.size <= 6))
    assert.ok(paths.includes('openh264') && paths.includes('webcodecs'), paths.join())
    assert.ok((await visible(9)).filter((row) => row.path === 'webcodecs' && row.budget.rung === 'full').length <= 6)
    // It is known now, so nobody keeps knocking.
    const refused = await decoders(() => window.__decoders.refused)
    await allMove(9)
    assert.ok((await decoders(() => window.__decoders.refused)) - refused <= 1)
  })

  it('gives less to the windows at the edge while the device is slow, and gives it back', async () => {
    await open(4)
    await playing(4)
    const box = await page.locator('.tile[data-index="0"]').boundingBox()
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2)
    // Sixty pictures a second are to be decoded, and it can do thirty-three.
    await decoders(() => { window.__decoders.costMs = 30 })
    await until('a window with fewer pictures', async () => (await rungs(4)).includes('keys'), BALANCE_MS)
    await until('the watched window is full and in time', async () => {
      const [first] = await visible(4)
      return first.budget.rung === 'full' && first.budget.work.waitMs < 400
    }, BALANCE_MS)
    const badge = page.locator('.stage .badge').first()
    await badge.waitFor()
    assert.match(await badge.textContent(), /Fewer|Still/)
    const reduced = (await rungs(4)).findIndex((rung) => rung !== 'full')
    assert.notEqual(reduced, 0)
    await until('screen readers are told', async () => /busy/.test(await page.locator(`.tile[data-index="${reduced}"] .hit`).getAttribute('aria-label')))
    await noViolations(page, 'a wall that is short of decoders')
    await shoot(page, 'budget-4')

    // Nothing else is asked of the core than random access points.
    const { index } = (await visible(4))[reduced]
    await until('key pictures only on the wire', async () => {
      const row = (await visible(4)).find((one) => one.index === index)
      return row.budget.rung === 'stills' || (row.budget.work.receivedFps <= 3)
    }, BALANCE_MS)

    await decoders(() => { window.__decoders.costMs = 0 })
    await until('all windows are full again', async () => (await rungs(4)).every((rung) => rung === 'full'), BALANCE_MS)
    await playing(4)
    await until('no badge is left', async () => (await page.locator('.stage .badge').count()) === 0)
  })

  it('keeps a window full for a person who asks for it', async () => {
    await page.setViewportSize({ width: 1024, height: 768 })
    await open(4)
    await playing(4)
    // Large windows have main streams: a hundred pictures a second are to be decoded, and it can do fifty-five.
    await decoders(() => { window.__decoders.costMs = 18 })
    const badge = page.locator('.stage button.badge').first()
    await badge.waitFor({ timeout: BALANCE_MS })
    const index = (await visible(4)).find((row) => row.budget.rung !== 'full').index
    await badge.focus()
    await page.keyboard.press('Enter')
    const dialog = page.locator('ion-alert')
    await dialog.getByText('This device is busy', { exact: true }).waitFor()
    await shoot(page, 'budget-why')
    await dialog.getByRole('button', { name: 'Keep this window full' }).click()
    await dialog.waitFor({ state: 'detached' })
    const one = async () => (await visible(4)).find((row) => row.budget.kept)
    await until('it is full, and others pay for it', async () => (await one())?.budget.rung === 'full' && (await rungs(4)).some((rung) => rung !== 'full'), BALANCE_MS)
    assert.ok((await one()).index === index || (await rungs(4))[index] !== undefined)

    // The menu takes it back.
    const box = await page.locator(`.tile[data-index="${(await one()).index}"]`).boundingBox()
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2, { button: 'right' })
    await page.getByRole('button', { name: 'May get fewer pictures' }).click()
    await until('it is as the others', async () => (await one()) === undefined)
    await decoders(() => { window.__decoders.costMs = 0 })
  })
})
