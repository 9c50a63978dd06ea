/**
 * Controls beside the enlarged picture, against simulated devices of each family.
 * Needs BARTIZAN_URL and BARTIZAN_BRANDS; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, goTab, launch, noViolations, openApp, PICTURE_MS, reset, rpc, shoot, stats, until, untilPlaying, view } from './lib.mjs'

const LIST = process.env.BARTIZAN_BRANDS ?? ''
const READY = APP_URL !== '' && LIST !== ''
const brands = READY ? JSON.parse(readFileSync(LIST, 'utf8')) : []

/** The picture as 64×36 grey levels, the time bar at its foot left out. */
const look = (page) => page.evaluate(() => {
  const wall = document.querySelector('.mount canvas')
  const small = document.createElement('canvas')
  small.width = 64
  small.height = 36
  const context = small.getContext('2d', { willReadFrequently: true })
  const box = window.__bartizanWall.pictureBox(0)
  const scale = wall.width / wall.clientWidth
  context.drawImage(wall, box.x * scale, box.y * scale, box.width * scale, box.height * scale, 0, 0, 64, 36)
  const { data } = context.getImageData(0, 0, 64, 30)
  return Array.from({ length: 64 * 30 }, (_, at) => Math.round((data[at * 4] + data[at * 4 + 1] + data[at * 4 + 2]) / 3))
})
const difference = (a, b) => a.reduce((sum, level, at) => sum + Math.abs(level - b[at]), 0) / a.length

describe('controls', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_BRANDS are not set', timeout: 900_000 }, () => {
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

  async function watch(brand) {
    const { host, httpPort, user, password } = brand
    const device = await rpc(page, 'devices.add', { host, ports: { http: httpPort }, user, password, transport: 'tcp' })
    await rpc(page, 'settings.set', { layout: 1, ptzStep: 8 })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 1)
    return { device: device.id, channel: 1 }
  }
  const dock = () => view(page).getByRole('toolbar', { name: 'Camera controls' })
  const shows = async (what, than, far = 6) => {
    await until(what, async () => difference(than, await look(page)) > far, PICTURE_MS)
  }
  const still = async () => {
    let before = await look(page)
    await until('a picture that stands', async () => {
      await new Promise((resolve) => setTimeout(resolve, 700))
      const now = await look(page)
      const moved = difference(before, now)
      before = now
      return moved < 2.5
    }, PICTURE_MS)
    return before
  }

  for (const brand of brands.filter((one) => one.ptz && one.activated)) {
    it(`${brand.personality}: held buttons and keys move the picture, and a release stops it`, async () => {
      await watch(brand)
      await dock().getByRole('button', { name: 'Move' }).click()
      await view(page).getByText(/^Moving /).waitFor()
      await shoot(page, `ptz-${brand.personality}`)
      await noViolations(page)

      const before = await still()
      const right = view(page).getByRole('button', { name: 'Right', exact: true })
      const box = await right.boundingBox()
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
      await page.mouse.down()
      await shows('the view turns', before)
      await page.mouse.up()
      const stopped = await still()

      // The keyboard's twin.
      await view(page).locator('.hit').first().focus()
      await page.keyboard.down('ArrowLeft')
      await shows('the view turns back', stopped)
      await page.keyboard.up('ArrowLeft')
      await still()

      // A window that loses the focus stops what it moved.
      await view(page).locator('.hit').first().focus()
      await page.keyboard.down('ArrowUp')
      await new Promise((resolve) => setTimeout(resolve, 300))
      await page.evaluate(() => window.dispatchEvent(new Event('blur')))
      await still()
      await page.keyboard.up('ArrowUp')
    })

    it(`${brand.personality}: presets are saved, named, visited and deleted`, async () => {
      const channel = await watch(brand)
      await dock().getByRole('button', { name: 'Move' }).click()
      const names = async () => (await rpc(page, 'control.presets', channel)).presets.map((preset) => preset.name)
      const before = await names()
      await view(page).getByRole('button', { name: 'Save this view' }).click()
      await view(page).getByLabel('Name of the preset').fill('By the gate')
      await view(page).getByRole('button', { name: 'Save', exact: true }).click()
      await until('a new preset', async () => (await names()).includes('By the gate'))
      await view(page).getByRole('button', { name: 'By the gate', exact: true }).click()
      await view(page).getByRole('button', { name: 'Rename or delete By the gate' }).click()
      await view(page).getByRole('button', { name: 'Delete the preset' }).click()
      await until('the preset gone', async () => (await names()).length === before.length)
    })

    it(`${brand.personality}: the picture is adjusted in the camera, and on the screen without the camera`, async () => {
      const channel = await watch(brand)
      const before = await still()
      await dock().getByRole('button', { name: 'Picture' }).click()
      const brightness = view(page).getByRole('slider', { name: 'Brightness' })
      await until('values from the camera', async () => brightness.isEnabled())
      await shoot(page, `picture-${brand.personality}`)
      await noViolations(page)
      await brightness.fill('90')
      await until('the camera took it', async () => Math.round((await rpc(page, 'control.imaging', channel)).brightness) === 90)
      await shows('a brighter picture', before)
      await view(page).getByRole('button', { name: 'Defaults' }).click()
      await until('the default', async () => Math.round((await rpc(page, 'control.imaging', channel)).brightness) === 50)

      const plain = await still()
      await view(page).getByRole('radio', { name: 'On this screen' }).check()
      await view(page).getByRole('slider', { name: 'Brightness' }).fill('90')
      await shows('brighter here', plain)
      assert.equal(Math.round((await rpc(page, 'control.imaging', channel)).brightness), 50, 'the camera was not touched')
    })
  }

  it('switches are only those the device has, and say what it does', async () => {
    const brand = brands.find((one) => one.personality === 'dahua')
    const channel = await watch(brand)
    await dock().getByRole('button', { name: 'Switches' }).click()
    const light = view(page).getByRole('switch', { name: 'Light' })
    await light.waitFor()
    await shoot(page, 'switches')
    await noViolations(page)
    await light.click()
    await until('the light is on', async () => (await light.getAttribute('aria-checked')) === 'true')
    const { auxiliaries } = await rpc(page, 'control.switches', channel)
    assert.equal(auxiliaries.find((one) => one.auxiliary === 'light').on, true)
    await light.click()
    const output = view(page).getByRole('switch', { name: 'Output 1' })
    await output.click()
    await until('the output is closed', async () => (await output.getAttribute('aria-checked')) === 'true')
    await output.click()
  })

  it('a camera without anything to control offers the picture on this screen alone', async () => {
    const { host, rtspPort, user, password } = brands.find((one) => one.personality === 'dahua')
    await rpc(page, 'devices.add', { url: `rtsp://${user}:${password}@${host}:${rtspPort}/cam/realmonitor?channel=1&subtype=0` })
    await rpc(page, 'settings.set', { layout: 1 })
    await page.reload()
    await untilPlaying(page, 1)
    await dock().getByRole('button', { name: 'Picture' }).waitFor()
    assert.deepEqual(await dock().getByRole('button').allTextContents(), ['View', 'Picture'])
    const before = (await stats(page))[0].presented
    await dock().getByRole('button', { name: 'Picture' }).click()
    await view(page).getByRole('button', { name: '90° right' }).click()
    await until('it goes on', async () => (await stats(page))[0].presented > before)
    await shoot(page, 'picture-on-screen')
  })
})
