/**
 * Zoom, turned and straightened pictures: what fingers, wheel, keys and buttons do is read off the wall's own pixels.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { chartInPage, near, seenInPage } from './chart.mjs'
import {
  doubleTap, drag, goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, site, stats, until, untilPlaying, view,
} from './lib.mjs'

const here = new URL('.', import.meta.url)
const requireUi = createRequire(new URL('../../ui/package.json', here))

/** The mapping as the page has it, for comparing the shader with it. */
async function fisheyeModule() {
  const { transpileModule, ModuleKind, ScriptTarget } = requireUi('typescript')
  const source = readFileSync(new URL('../../ui/src/wall/fisheye.ts', here), 'utf8')
  const { outputText } = transpileModule(source, { compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 } })
  return import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`)
}

const chart = (page, index, width, height) => page.evaluate(chartInPage, [index, width, height])
const seen = (page, points, index = 0) => page.evaluate(seenInPage, [index, points])
const sees = async (page, at, wanted, what, far) => {
  const [got] = await seen(page, [at])
  assert.ok(near(got, wanted, far), `${what}: at ${at} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
}
const zoomOf = (page, index = 0) => page.evaluate((at) => window.__bartizanWall.zoomOf(at), index)

/** Two fingers that spread about a point. */
async function pinch(page, at, from, to, { dx = 0, dy = 0, steps = 16 } = {}) {
  const session = await page.context().newCDPSession(page)
  const fingers = (half, part) => [-1, 1].map((side, id) => ({ x: at.x + dx * part + side * half, y: at.y + dy * part, id }))
  const touch = (type, touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints })
  await touch('touchStart', fingers(from, 0).slice(0, 1))
  await touch('touchStart', fingers(from, 0))
  for (let i = 1; i <= steps; i += 1) await touch('touchMove', fingers(from + ((to - from) * i) / steps, i / steps))
  await touch('touchEnd', [])
  await session.detach()
}

describe('picture', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page
  let fisheye

  before(async () => {
    browser = await launch()
    fisheye = await fisheyeModule()
  })
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

  async function watch(layout, playing = 1) {
    const { host, port, user, password } = site()
    await rpc(page, 'devices.add', { host, ports: { rtsp: Number(port) }, family: 'rtsp', user, password, transport: 'tcp' })
    await rpc(page, 'settings.set', { layout })
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, playing)
  }
  /** Where a point (0..1) of a window's picture is on the page. */
  const place = async (x = 0.5, y = 0.5, index = 0) => {
    const mount = await page.locator('.mount').boundingBox()
    const box = await page.evaluate((at) => window.__bartizanWall.pictureBox(at), index)
    return { x: mount.x + box.x + box.width * x, y: mount.y + box.y + box.height * y }
  }
  const dock = () => view(page).getByRole('toolbar', { name: 'Camera controls' })
  const press = (name) => view(page).getByRole('button', { name, exact: true }).click()
  const radio = (name) => view(page).getByRole('radio', { name, exact: true }).check()

  it('a pinched window of the grid gets its main stream, says its zoom, and gives both back', async () => {
    await watch(4, 4)
    const width = async () => (await stats(page))[1].width
    const sub = await width()
    await pinch(page, await place(0.5, 0.5, 1), 12, 60)
    assert.ok(await zoomOf(page, 1) > 3, 'zoomed')
    await until('the main stream', async () => (await width()) > sub, PICTURE_MS)
    assert.deepEqual((await stats(page)).filter((_, at) => at !== 1).slice(0, 3).map((row) => row.width > sub), [false, false, false])
    await until('a label', async () => /zoomed [\d.]+ times/.test(await page.locator('[data-index="1"] .hit').getAttribute('aria-label')))
    await until('said', async () => /zoomed [\d.]+ times/.test((await view(page).locator('.wall > [role=status]').textContent()) ?? ''))
    await shoot(page, 'zoom-grid')
    await noViolations(page)
    // A drag over the zoomed window is not a page.
    const from = await place(0.8, 0.5, 1)
    await drag(page, from, { x: from.x - 110, y: from.y })
    assert.match(await page.locator('[data-index="1"] .hit').getAttribute('aria-label'), /zoomed/)
    const { x, y } = await place(0.4, 0.5, 1)
    await doubleTap(page, x, y)
    await until('all of it', async () => (await zoomOf(page, 1)) === 1)
    assert.equal(await page.locator('.tile').count(), 4, 'the first double tap shows all of the picture, the next enlarges')
    await until('the sub stream', async () => (await width()) === sub, PICTURE_MS)
  })

  it('what is under the fingers stays there; pans end at the edges; keys, wheel and buttons do the same', async () => {
    await watch(1)
    await chart(page, 0, 1280, 720)
    await sees(page, [0.25, 0.25], [0.25, 0.25], 'all of it')
    const at = await place(0.7, 0.35)
    await pinch(page, at, 20, 60)
    const zoom = await zoomOf(page)
    assert.ok(zoom > 2 && zoom < 4, `zoom ${zoom}`)
    await sees(page, [0.7, 0.35], [0.7, 0.35], 'under the fingers')
    await sees(page, [0.5, 0.5], [0.7 - 0.2 / zoom, 0.35 + 0.15 / zoom], 'beside them')
    await shoot(page, 'zoom-pinch')

    // One finger moves the picture, and no further than its edge.
    const from = await place(0.4, 0.5)
    for (let i = 0; i < 6; i += 1) await drag(page, from, { x: from.x + 200, y: from.y + 60 })
    await sees(page, [0.02, 0.02], [0.02 / zoom, 0.02 / zoom], 'the upper left corner')
    assert.equal(await zoomOf(page), zoom)

    // Another layout of the page: the same part of the picture.
    const [middle] = await seen(page, [[0.5, 0.5]])
    await page.setViewportSize({ width: 844, height: 390 })
    const wide = async () => (await page.evaluate(() => window.__bartizanWall.pictureBox(0))).width > 400
    await until('a wider window', wide)
    await until('the same part of it', async () => near((await seen(page, [[0.5, 0.5]]))[0], middle))
    await shoot(page, 'zoom-landscape')
    assert.equal(await zoomOf(page), zoom)
    await page.setViewportSize({ width: 390, height: 844 })
    await until('upright again', async () => !(await wide()))
    await until('and again', async () => near((await seen(page, [[0.5, 0.5]]))[0], middle))

    // Keys.
    await view(page).locator('.hit').first().focus()
    await page.keyboard.press('0')
    assert.equal(await zoomOf(page), 1)
    for (let i = 0; i < 4; i += 1) await page.keyboard.press('+')
    assert.ok(Math.abs(await zoomOf(page) - 1.25 ** 4) < 0.01)
    await page.keyboard.press('ArrowRight')
    await sees(page, [0.5, 0.5], [0.5 + 0.125 / 1.25 ** 4, 0.5], 'a step to the right')
    for (let i = 0; i < 20; i += 1) await page.keyboard.press('+')
    assert.equal(await zoomOf(page), 8, 'no more than eight times')
    await page.keyboard.press('-')
    assert.equal(await zoomOf(page), 6.4)
    await page.keyboard.press('Escape')
    assert.equal(await zoomOf(page), 1)

    // The wheel, about the pointer.
    const { x, y } = await place(0.2, 0.8)
    await page.mouse.move(x, y)
    for (let i = 0; i < 3; i += 1) {
      const before = await zoomOf(page)
      await page.mouse.wheel(0, -150)
      await until('closer', async () => (await zoomOf(page)) > before)
    }
    assert.ok(await zoomOf(page) > 1.5, `zoom ${await zoomOf(page)}`)
    await sees(page, [0.2, 0.8], [0.2, 0.8], 'under the pointer')

    // Buttons.
    await view(page).getByRole('button', { name: /show all of the picture/ }).click()
    assert.equal(await zoomOf(page), 1)
    await dock().getByRole('button', { name: 'View' }).click()
    await press('Closer')
    await press('Closer')
    await press('Look down')
    await sees(page, [0.5, 0.5], [0.5, 0.5 + 0.125 / 1.25 ** 2], 'a step down')
    await shoot(page, 'view-panel')
    await noViolations(page)
    await press('All of the picture')
    assert.equal(await zoomOf(page), 1)
  })

  it('mirrors and turns, again to take it back, and remembers it per channel', async () => {
    await watch(1)
    await chart(page, 0, 1280, 720)
    await dock().getByRole('button', { name: 'Picture' }).click()
    const point = [0.2, 0.3]
    const step = async (name, wanted) => {
      await press(name)
      await sees(page, point, wanted, name)
    }
    await step('Mirror', [0.8, 0.3])
    await step('Upside down', [0.8, 0.7])
    await step('Mirror', [0.2, 0.7])
    await step('Upside down', [0.2, 0.3])
    await step('180°', [0.8, 0.7])
    await step('180°', [0.2, 0.3])
    // Turned clockwise, the lower left corner comes to the upper left.
    await step('90° right', [0.3, 0.8])
    const tall = await page.evaluate(() => window.__bartizanWall.pictureBox(0))
    assert.ok(tall.height > tall.width, 'an upright picture has an upright window')
    await step('90° left', [0.7, 0.2])
    await step('90° left', [0.2, 0.3])
    await step('90° right', [0.3, 0.8])
    await shoot(page, 'turned')

    // Zoomed and turned at once.
    await view(page).locator('.hit').first().focus()
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('+')
    const zoom = 1.25 ** 3
    await sees(page, point, [0.5 - 0.2 / zoom, 0.5 + 0.3 / zoom], 'turned and zoomed')

    const brightness = view(page).getByRole('slider', { name: 'Brightness' })
    await brightness.fill('60')
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 1)
    await chart(page, 0, 1280, 720)
    await dock().getByRole('button', { name: 'Picture' }).click()
    assert.equal(await brightness.inputValue(), '60')
    await brightness.fill('50')
    await sees(page, point, [0.3, 0.8], 'turned still')
    assert.equal(await view(page).getByRole('button', { name: '90° right' }).getAttribute('aria-pressed'), 'true')
    await press('Defaults')
    await sees(page, point, point, 'plain again')
  })

  it('straightens fisheye pictures as the mapping says, and swipe and pinch turn the view', async () => {
    await watch(1)
    const size = { width: 960, height: 720 }
    await chart(page, 0, size.width, size.height)
    await dock().getByRole('button', { name: 'View' }).click()
    const points = [0.06, 0.3, 0.5, 0.71, 0.94].flatMap((x) => [0.04, 0.27, 0.62, 0.93].map((y) => [x, y]))
    const lens = () => page.evaluate(() => window.__bartizanWall.tiles[0].look.fisheye)
    /** Every sampled pixel is the one that the pure function names. */
    const agrees = async (what) => {
      const got = await seen(page, points)
      const dewarp = fisheye.dewarpOf(await lens(), size)
      let compared = 0
      for (const [i, [x, y]] of points.entries()) {
        const wanted = fisheye.lensPoint(dewarp, x, y)
        // Where the view is squeezed together a pixel is as wide as the tolerance; the rim is half black.
        const edge = [[-0.01, 0], [0.01, 0], [0, -0.02], [0, 0.02]].map(([dx, dy]) => fisheye.lensPoint(dewarp, x + dx, y + dy))
        if (wanted === null ? edge.some((one) => one !== null) : edge.includes(null)) continue
        compared += 1
        if (wanted === null) assert.equal(got[i], null, `${what}: ${x},${y} is black`)
        else assert.ok(near(got[i], [wanted.x, wanted.y], 0.05), `${what}: at ${x},${y} is ${JSON.stringify(got[i])}, not ${JSON.stringify(wanted)}`)
      }
      assert.ok(compared > points.length / 2, `${what}: ${compared} points compared`)
    }

    await radio('Ceiling')
    await agrees('ceiling panorama')
    // Independent of the mapping: straight ahead at the horizon is the circle's top; a quarter to the right its right.
    await sees(page, [0.5, 0.03], [0.5, 0.02], 'ahead', 0.06)
    await sees(page, [0.75, 0.03], [0.5 + 0.375 * 0.97, 0.5], 'to the right', 0.06)
    await shoot(page, 'fisheye-panorama')
    await noViolations(page)
    await radio('2 × 180°')
    await agrees('ceiling double')
    await radio('ePTZ')
    await agrees('ceiling ePTZ')

    // A swipe turns the view and is no page; the finger takes the picture along.
    const [before] = await seen(page, [[0.5, 0.5]])
    const from = await place(0.5, 0.5)
    await drag(page, from, { x: from.x + 80, y: from.y })
    const turned = await lens()
    assert.ok(turned.pan < -5, `pan ${turned.pan}`)
    await agrees('turned ePTZ')
    assert.ok(!near((await seen(page, [[0.5, 0.5]]))[0], before, 0.02), 'the picture moved')
    await pinch(page, await place(0.5, 0.5), 20, 60)
    assert.ok((await lens()).zoom > 2)
    await agrees('zoomed ePTZ')
    await view(page).locator('.hit').first().focus()
    await page.keyboard.press('ArrowUp')
    assert.ok((await lens()).tilt > turned.tilt, 'a key looks up')
    await page.keyboard.press('0')
    assert.equal((await lens()).zoom, 1)
    await shoot(page, 'fisheye-eptz')

    for (const mount of ['Wall', 'Desk']) {
      await radio(mount)
      for (const name of mount === 'Wall' ? ['Panorama', 'ePTZ'] : ['Panorama', '2 × 180°', 'ePTZ']) {
        await radio(name)
        await agrees(`${mount} ${name}`)
      }
    }
    await radio('Panorama')
    await view(page).getByText('Circle of the lens').click()
    await view(page).getByRole('slider', { name: 'Radius' }).fill('0.4')
    await view(page).getByRole('slider', { name: 'Across' }).fill('0.55')
    assert.deepEqual((await lens()).circle, { x: 0.55, y: 0.5, radius: 0.4 })
    await agrees('a circle set by hand')
    await shoot(page, 'fisheye-circle')
    await noViolations(page)
    const kept = await lens()
    await page.reload()
    await goTab(page, 'home')
    await untilPlaying(page, 1)
    assert.deepEqual(await lens(), kept, 'remembered')
    await dock().getByRole('button', { name: 'View' }).click()
    await radio('Off')
    await chart(page, 0, size.width, size.height)
    await sees(page, [0.25, 0.25], [0.25, 0.25], 'as it came')
  })

  it('without WebGL zooms and turns all the same, and says that it cannot straighten', async () => {
    await page.addInitScript(() => {
      const { getContext } = HTMLCanvasElement.prototype
      HTMLCanvasElement.prototype.getContext = function get(kind, ...more) {
        return kind === 'webgl2' ? null : getContext.call(this, kind, ...more)
      }
    })
    await watch(1)
    assert.equal(await page.evaluate(() => window.__bartizanWall.drawing.path), 'canvas2d')
    await chart(page, 0, 1280, 720)
    await dock().getByRole('button', { name: 'View' }).click()
    await view(page).getByText('cannot be straightened here').waitFor()
    assert.equal(await view(page).getByRole('radio', { name: 'Ceiling' }).count(), 0)
    await shoot(page, 'view-without-webgl')
    await pinch(page, await place(0.7, 0.35), 20, 60)
    const zoom = await zoomOf(page)
    assert.ok(zoom > 2)
    await sees(page, [0.7, 0.35], [0.7, 0.35], 'under the fingers')
    await sees(page, [0.5, 0.5], [0.7 - 0.2 / zoom, 0.35 + 0.15 / zoom], 'beside them')
    await dock().getByRole('button', { name: 'Picture' }).click()
    await press('Mirror')
    await sees(page, [0.3, 0.35], [0.7, 0.35], 'mirrored where it stood', 0.25)
    await view(page).getByRole('button', { name: /show all of the picture/ }).click()
    await sees(page, [0.2, 0.3], [0.8, 0.3], 'mirrored')
    await press('90° right')
    await sees(page, [0.2, 0.3], [0.3, 0.2], 'mirrored and turned')
  })
})
