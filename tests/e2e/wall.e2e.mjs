/**
 * The windows of the wall by touch on a phone, and by the twin of each gesture, against a simulated site of 16 cameras.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import {
  carry, doubleTap, drag, goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, setLayout, shoot, site, stats, until, untilPlaying, view,
} from './lib.mjs'

const { host, port, user, password } = READY ? site() : { host: '', port: '', user: '', password: '' }
/** The first channels of the simulated site, in its order. */
const NAMES = ['Front gate', 'Loading dock', 'Parking north', 'Garden', 'Main street', 'Warehouse A']

describe('the windows of the wall', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page
  /** Streams that the page has open, by what it asked the core. */
  let open = 0
  /** How many it has opened since the page was loaded. */
  let openings = 0

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    await reset(page)
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname === '/rpc/live.connect') [open, openings] = [0, 0]
      else if (pathname === '/rpc/live.open') [open, openings] = [open + 1, openings + 1]
      else if (pathname === '/rpc/live.close') open -= 1
    })
    await rpc(page, 'devices.add', { host, port: Number(port), user, password, name: 'Site', transport: 'tcp', family: 'rtsp' })
    await rpc(page, 'settings.set', { layout: 4 })
    await page.reload()
    await goTab(page, 'home')
    await until('four windows', async () => (await page.locator('.tile').count()) === 4)
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  const tile = (index) => page.locator(`.tile[data-index="${index}"]`)
  const centre = async (index) => {
    const box = await tile(index).boundingBox()
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  }
  const tapOn = async (index) => {
    const { x, y } = await centre(index)
    await page.touchscreen.tap(x, y)
  }
  /** Who is in the windows on screen; '+' is an empty one. */
  const shown = () => page.locator('.tile').evaluateAll((tiles) => tiles
    .map((one) => [Number(one.dataset.index), one.querySelector('.name')?.textContent ?? '+'])
    .sort(([a], [b]) => a - b).map(([, name]) => name))
  const shows = (...names) => until(names.join(', '), async () => JSON.stringify(await shown()) === JSON.stringify(names))
  const tool = (name) => view(page).getByRole('toolbar', { name: 'Wall tools' }).getByRole('button', { name })
  const sheet = () => page.locator('ion-modal:visible')
  const gone = () => until('the overlay gone', async () => (await page.locator('ion-modal:visible, ion-action-sheet:visible').count()) === 0)
  const onPage = (n, of) => view(page).getByText(`Page ${n} of ${of}`, { exact: true }).waitFor({ state: 'attached' })
  const playing = (index) => until(`window ${index} plays`, async () => (await tile(index).getAttribute('data-phase')) === 'playing', PICTURE_MS)
  const streams = (n) => until(`${n} streams`, () => open === n, PICTURE_MS)

  it('has every layout, aspect-aware upright and sideways, and keeps the chosen one', async () => {
    for (const [name, count, columns] of [
      ['1 window', 1, 1], ['2 windows', 2, 1], ['4 windows', 4, 1], ['6 windows', 6, 2], ['8 windows', 8, 2], ['9 windows', 9, 2], ['12 windows', 12, 2],
      ['16 windows', 16, 2],
    ]) {
      await setLayout(page, name)
      await until(name, async () => (await page.locator('.tile').count()) === count)
      const boxes = await page.locator('.tile').evaluateAll((tiles) => tiles.map((one) => one.getBoundingClientRect().toJSON()))
      assert.equal(new Set(boxes.map((box) => box.x)).size, columns, `${name}: columns upright`)
      for (const box of boxes) assert.ok(Math.abs(box.width / box.height - 16 / 9) < 0.06, `${name}: ${box.width}×${box.height}`)
    }
    await setLayout(page, '6 windows')
    await until('stored', async () => (await rpc(page, 'settings.get')).layout === 6)
    await view(page).getByRole('button', { name: 'Windows on the wall' }).click()
    await noViolations(page, 'the choice of layouts')
    await shoot(page, 'wall-layouts')
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 844, height: 390 })
    await until('three columns sideways', async () => {
      const lefts = await page.locator('.tile').evaluateAll((tiles) => tiles.map((one) => one.getBoundingClientRect().x))
      return lefts.length === 6 && new Set(lefts).size === 3
    })
  })

  it('turns pages by swipe, by button and by key, and only the page on screen has streams', async () => {
    await untilPlaying(page, 4)
    await shows(...NAMES.slice(0, 4))
    const { x, y } = await centre(1)
    await drag(page, { x: x + 110, y }, { x: x - 110, y })
    await onPage(2, 4)
    await shows('Main street', 'Warehouse A', ...(await shown()).slice(2))
    assert.equal(await page.locator('.dots i').count(), 4)
    assert.deepEqual(await page.locator('.dots i').evaluateAll((dots) => dots.map((dot) => dot.classList.contains('on'))), [false, true, false, false])
    await playing(4)
    await streams(4)
    await drag(page, { x: x - 110, y }, { x: x + 110, y })
    await onPage(1, 4)
    await view(page).getByRole('button', { name: 'Next page' }).click()
    await onPage(2, 4)
    await page.locator('.tile .hit[tabindex="0"]').focus()
    await page.keyboard.press('PageDown')
    await onPage(3, 4)
    await page.keyboard.press('PageUp')
    await onPage(2, 4)
  })

  it('a picture is carried onto another one and they change places, without a new stream', async () => {
    await untilPlaying(page, 4)
    const before = (await stats(page)).find((row) => row.name === 'Front gate').presented
    await carry(page, await centre(0), await centre(2), { during: () => shoot(page, 'wall-carry') })
    await shows('Parking north', 'Loading dock', 'Front gate', 'Garden')
    await tile(2).and(page.locator('.selected')).waitFor()
    const row = (await stats(page)).find((one) => one.name === 'Front gate')
    assert.equal(row.index, 2)
    assert.ok(row.presented >= before, 'the counters of its stream go on')
    assert.equal(openings, 4)
    // Dropped where it came from, nothing happens.
    await carry(page, await centre(1), { x: (await centre(1)).x + 40, y: (await centre(1)).y + 10 })
    await shows('Parking north', 'Loading dock', 'Front gate', 'Garden')
  })

  it('a picture is carried to another page by waiting at the edge', async () => {
    const from = await centre(0)
    const target = await centre(2)
    // The last page stays, however long it takes.
    await carry(page, from, { x: 385, y: from.y }, { during: () => onPage(4, 4), then: target })
    await until('the two have changed places', async () => (await shown())[2] === 'Front gate')
    assert.equal((await stats(page)).find((one) => one.name === 'Front gate').index, 14)
    await view(page).getByRole('button', { name: 'Previous page' }).click()
    await onPage(3, 4)
    await playing(8)
  })

  it('a picture is carried into the bin and closed, and one touch brings it back', async () => {
    await untilPlaying(page, 4)
    await carry(page, await centre(1), { x: 195, y: 24 }, {
      during: async () => {
        await page.locator('.bin.open').waitFor()
        await shoot(page, 'wall-bin')
      },
    })
    await shows('Front gate', '+', 'Parking north', 'Garden')
    await streams(3)
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await shows(...NAMES.slice(0, 4))
    await playing(1)
  })

  it('the menu moves, replaces and closes without any gesture', async () => {
    await tapOn(1)
    await view(page).getByRole('button', { name: 'More for Loading dock' }).click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Move to…' }).click()
    await sheet().getByRole('button', { name: 'Window 4, Garden' }).waitFor()
    await noViolations(page, 'where to move')
    await shoot(page, 'wall-move-to')
    await sheet().getByRole('button', { name: 'Window 6, Warehouse A' }).click()
    await gone()
    await shows('Front gate', 'Warehouse A', 'Parking north', 'Garden')

    // A long press that goes nowhere opens the same menu.
    await carry(page, await centre(0), await centre(0))
    const menu = page.locator('ion-action-sheet')
    await menu.getByRole('button', { name: 'Show another camera here…' }).waitFor()
    await noViolations(page, 'the menu of a window')
    await shoot(page, 'wall-menu')
    await menu.getByRole('button', { name: 'Show another camera here…' }).click()
    await sheet().getByRole('button', { name: /^Lobby/ }).click()
    await gone()
    await shows('Lobby', 'Warehouse A', 'Parking north', 'Garden')
    await view(page).getByRole('button', { name: 'More for Lobby' }).click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Close', exact: true }).click()
    await gone()
    await shows('+', 'Warehouse A', 'Parking north', 'Garden')
  })

  it('the keyboard selects, carries and closes', async () => {
    await page.locator('.tile .hit[tabindex="0"]').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Shift+ArrowDown')
    await shows('Front gate', 'Parking north', 'Loading dock', 'Garden')
    await page.keyboard.press('Delete')
    await shows('Front gate', 'Parking north', '+', 'Garden')
    await page.locator('.tile[data-index="2"] .hit').focus()
    await page.keyboard.press('Enter')
    await sheet().getByRole('button', { name: /^Driveway/ }).click()
    await gone()
    await shows('Front gate', 'Parking north', 'Driveway', 'Garden')
  })

  it('a plus in an empty window opens the picker, and the camera plays there', async () => {
    await tool('Close all').click()
    await shows('+', '+', '+', '+')
    await streams(0)
    await noViolations(page, 'a wall of empty windows')
    await view(page).getByRole('button', { name: 'Add a camera to window 3' }).click()
    await sheet().getByRole('searchbox', { name: 'Find a camera' }).fill('gard')
    assert.equal(await sheet().locator('button.row').count(), 1)
    await noViolations(page, 'the picker of one camera')
    await sheet().getByRole('button', { name: /^Garden/ }).click()
    await gone()
    await shows('+', '+', 'Garden', '+')
    await playing(2)
    await shoot(page, 'wall-one-added')
  })

  it('several cameras are chosen and started at once; more than windows make pages', async () => {
    await tool(/^Cameras/).click()
    await until('sixteen and their device', async () => (await sheet().getByRole('checkbox').count()) === 17)
    assert.equal(await sheet().getByRole('button', { name: 'Start live preview' }).isEnabled(), false)
    for (const name of ['Garden', 'Lobby', 'Driveway']) await sheet().getByRole('checkbox', { name: new RegExp(`^${name}`) }).check()
    await sheet().getByText('3 cameras chosen').waitFor()
    await noViolations(page, 'the picker of many cameras')
    await shoot(page, 'wall-pick')
    await sheet().getByRole('button', { name: 'Start live preview' }).click()
    await gone()
    await shows('Garden', 'Driveway', 'Lobby', '+')
    await untilPlaying(page, 3)
    await setLayout(page, '2 windows')
    await onPage(1, 2)
    await shows('Garden', 'Driveway')
    const { x, y } = await centre(0)
    await drag(page, { x: x + 110, y }, { x: x - 110, y })
    await shows('Lobby', '+')
    await tool(/^Cameras/).click()
    await sheet().getByRole('checkbox', { name: 'All of Site' }).check()
    await sheet().getByRole('button', { name: 'Start live preview' }).click()
    await until('sixteen windows', async () => (await page.locator('.tile').count()) === 16)
  })

  it('pauses and plays one window, and all', async () => {
    await untilPlaying(page, 4)
    await tapOn(0)
    await tool('Pause Front gate').click()
    await until('paused', async () => (await tile(0).getAttribute('data-phase')) === 'paused')
    await streams(3)
    await noViolations(page, 'a paused window')
    await tile(0).getByRole('button', { name: 'Play Front gate' }).click()
    await playing(0)
    await tapOn(0)
    await doubleTapOutside()
    await tool('Pause all windows').click()
    await streams(0)
    await shoot(page, 'wall-paused')
    await tool('Play all windows').click()
    for (const index of [0, 1, 2, 3]) await playing(index)
  })

  /** Nothing selected: the tools are about the whole wall. */
  async function doubleTapOutside() {
    await setLayout(page, '2 windows')
    await view(page).getByRole('button', { name: 'Next page' }).click()
    await view(page).getByRole('button', { name: 'Previous page' }).click()
    await setLayout(page, '4 windows')
  }

  it('fills the screen by button, and by turning the phone, and comes back', async () => {
    const bar = page.locator('ion-tab-bar')
    await tool('Full screen').click()
    await until('the bars are away', async () => !(await bar.isVisible()))
    const { x, y } = await centre(0)
    await page.touchscreen.tap(x, y)
    await bar.waitFor({ state: 'visible' })
    await tool('Leave full screen').click()
    await until('the wall is not floating', async () => (await page.locator('.wall.floating').count()) === 0)
    await bar.waitFor({ state: 'visible' })
    await page.setViewportSize({ width: 844, height: 390 })
    await until('turned: the bars are away', async () => !(await bar.isVisible()))
    const mount = await page.locator('.mount').boundingBox()
    assert.deepEqual([mount.width, mount.height], [844, 390])
    const two = await centre(1)
    await doubleTap(page, two.x, two.y)
    await until('one window sideways', async () => (await page.locator('.tile').count()) === 1)
    await shoot(page, 'wall-sideways')
    await page.setViewportSize({ width: 390, height: 844 })
    await bar.waitFor({ state: 'visible' })
  })

  it('what lies on a part of the wall hides no other part', async () => {
    const box = await page.locator('canvas').boundingBox()
    // The page in the eye of the compositor; what it did not draw is transparent.
    const undrawn = async () => {
      const shot = (await page.screenshot()).toString('base64')
      return page.evaluate(async (base64) => {
        const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))], { type: 'image/png' }))
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
        context.drawImage(bitmap, 0, 0)
        return context.getImageData(0, 0, bitmap.width, bitmap.height).data.filter((value, i) => i % 4 === 3 && value < 255).length
      }, shot)
    }
    await page.evaluate(({ left, top }) => {
      const cover = document.createElement('div')
      cover.id = 'cover'
      cover.style.cssText = `position:fixed;z-index:99999;left:${left}px;top:${top}px;width:200px;height:100px;background:red;will-change:transform`
      document.body.append(cover)
    }, { left: box.x, top: box.y + box.height - 120 })
    await page.waitForTimeout(300)
    assert.equal(await undrawn(), 0)
    await page.locator('#cover').evaluate((cover) => cover.remove())
  })

  it('the strip of tools swipes sideways, and keeps the order a person gives it', async () => {
    const strip = page.locator('.strip')
    const box = await strip.boundingBox()
    const hidden = await page.locator('[data-tool=order]').boundingBox()
    assert.ok(hidden.x > box.x + box.width, 'the last tool is not on screen yet')
    const y = box.y + box.height / 2
    await until('swiped to its end', async () => {
      await drag(page, { x: box.x + box.width - 30, y }, { x: box.x + 20, y })
      return strip.evaluate((one) => one.scrollLeft + one.clientWidth >= one.scrollWidth - 2)
    })
    const order = () => page.locator('.strip [data-tool]').evaluateAll((tools) => tools.map((one) => one.dataset.tool))
    const first = await order()
    await tool('Arrange the tools').click()
    await sheet().getByRole('button', { name: 'Move Pause towards the front' }).click()
    await sheet().getByRole('button', { name: 'Move Pause towards the front' }).click()
    await until('pause is first', async () => (await order())[0] === 'pause')
    await noViolations(page, 'the order of the tools')
    await shoot(page, 'wall-order')
    // By hand: the fourth goes to the top.
    await page.waitForTimeout(400)
    const handles = await sheet().locator('ion-reorder').all()
    const [from, to] = [await handles[3].boundingBox(), await handles[0].boundingBox()]
    const fourth = (await order())[3]
    await drag(page, { x: from.x + from.width / 2, y: from.y + from.height / 2 }, { x: to.x + to.width / 2, y: to.y + 4 }, 24)
    await until('dragged to the top', async () => (await order())[0] === fourth)
    const wanted = await order()
    assert.deepEqual(wanted.slice().sort(), first.slice().sort(), 'no tool is lost')
    await sheet().getByRole('button', { name: 'Done' }).click()
    await gone()
    await until('stored', async () => (await rpc(page, 'settings.get')).wallTools[0] === fourth)
    await page.reload()
    await until('in that order after a reload', async () => JSON.stringify(await order()) === JSON.stringify(wanted))
  })
})
