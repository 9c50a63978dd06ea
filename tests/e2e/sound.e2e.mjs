/**
 * What is heard: nothing at first, then the one window that was chosen, with its own tone and in time with its picture.
 * BARTIZAN_PROGRAMS is the folder of bartizan-web and bartizan-sim, BARTIZAN_UI the built page.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, noViolations, PICTURE_MS, rpc, shoot, stats, until, untilPlaying } from './lib.mjs'
import { PROGRAMS, start, startWeb } from './programs.mjs'

/** As the player promises; here on a busy machine with a software decoder, so it is asked of a good moment. */
const TOLERANCE_MS = 80
/** The analyser's bins are 48000 / 4096 Hz wide. */
const BIN_HZ = 12
const SOUND_MS = 30_000

const simulator = (...args) => start('bartizan-sim', ['--port', '0', '--source', 'clip', ...args], {}, (text) => /rtsp:\/\/([^/\s]+)/.exec(text)?.[1])

/** Frequency and loudness of what comes out of the page, and what the player says of itself. */
const hearing = (page) => page.evaluate(() => {
  const wall = window.__bartizanWall
  return { loudest: wall.speaker.loudest(), view: wall.sound.view, runs: wall.sound.runs, underruns: wall.sound.underruns }
})

const hears = (page, hertz) => until(`a tone of ${hertz} Hz`, async () => {
  const { loudest, view } = await hearing(page)
  return view.phase === 'playing' && loudest !== null && loudest.db > -70 && Math.abs(loudest.hz - hertz) <= BIN_HZ ? view : null
}, SOUND_MS)

const tool = (page) => page.locator('[data-tool=sound]')
/** Selects a window of the wall as the keyboard does. */
const select = async (page, index) => {
  const hit = page.locator(`.tile[data-index="${index}"] .hit`)
  await hit.dispatchEvent('click')
  await hit.focus()
  await page.locator(`.tile[data-index="${index}"].selected`).waitFor()
}
const sessions = async (page) => (await rpc(page, 'live.stats')).streams.filter((stream) => stream.sound).length

describe('sound', { skip: PROGRAMS === '' ? 'BARTIZAN_PROGRAMS is not set' : false, timeout: 300_000 }, () => {
  const children = []
  let browser
  let page
  const complaints = []

  before(async () => {
    const whole = simulator('--channels', '4', '--audio', 'pcmu,pcma,aac,g726-32')
    const odd = simulator('--channels', '1', '--audio', 'unknown')
    const broken = simulator('--channels', '1', '--fault', 'audio-garbage')
    children.push(whole.child, odd.child, broken.child)
    const url = (site, channel) => `rtsp://admin:bartizan1@${site}/ch${channel}/sub`
    const sites = await Promise.all([whole.line, odd.line, broken.line])
    const sources = [1, 2, 3, 4].map((channel) => url(sites[0], channel)).concat(url(sites[1], 1), url(sites[2], 1))
    const web = startWeb([], { BARTIZAN_SOURCES: sources.join('\n') })
    children.push(web.child)
    browser = await launch()
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: 'en-GB', colorScheme: 'dark' })
    page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
    await page.goto(await web.line)
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    await rpc(page, 'settings.set', { layout: 6, language: 'en', wallTools: [] })
    await page.reload()
    await untilPlaying(page, 6)
  })
  after(async () => {
    await browser?.close()
    for (const child of children) child.kill()
  })

  it('is muted at first, and nothing of it is asked of any camera', async () => {
    assert.equal(await sessions(page), 0)
    assert.deepEqual((await hearing(page)).view, { phase: 'off', coding: null, code: null, skewMs: null })
    assert.equal(await tool(page).isDisabled(), true, 'no window is chosen')
  })

  it('plays the tone of the window that was chosen, in time with its picture', async () => {
    await select(page, 0)
    assert.equal(await tool(page).getAttribute('aria-pressed'), 'false')
    await tool(page).tap()
    const view = await hears(page, 350)
    assert.equal(view.coding, 'G.711 µ-law')
    assert.equal(await sessions(page), 1)
    assert.equal(await tool(page).getAttribute('aria-pressed'), 'true')
    await page.locator('.tile[data-index="0"] [data-sound=playing]').waitFor()
    assert.match(await page.locator('.tile[data-index="0"] .hit').getAttribute('aria-label'), /sound on$/)
    await until(`within ${TOLERANCE_MS} ms of the picture`, async () => {
      const { skewMs } = (await hearing(page)).view
      return skewMs !== null && Math.abs(skewMs) <= TOLERANCE_MS
    }, SOUND_MS)
    await shoot(page, 'sound-on')
    await noViolations(page, 'a window that is heard')
  })

  it('goes over to another window, and is heard of one only', async () => {
    await select(page, 1)
    await page.keyboard.press('m')
    await hears(page, 400)
    await until('one session of sound', async () => (await sessions(page)) === 1, SOUND_MS)
    assert.deepEqual(await page.locator('[data-sound]').evaluateAll((all) => all.map((one) => one.closest('.tile').dataset.index)), ['1'])
    for (const [index, hertz, coding] of [[2, 1000, 'AAC'], [3, 500, 'G.726 32 kbit/s']]) {
      await select(page, index)
      await tool(page).tap()
      assert.equal((await hears(page, hertz)).coding, coding)
    }
  })

  it('goes with the picture when its window is enlarged', async () => {
    await page.evaluate(() => window.__bartizanWall.enlarge(3))
    await hears(page, 500)
    await page.evaluate(() => window.__bartizanWall.enlarge(null))
    await hears(page, 500)
  })

  it('stops on the wire when it is muted', async () => {
    await tool(page).tap()
    await until('no session of sound', async () => (await sessions(page)) === 0, SOUND_MS)
    const { runs, view } = await hearing(page)
    assert.equal(view.phase, 'off')
    const before = (await stats(page))[3].presented
    await until('the picture to go on', async () => (await stats(page))[3].presented > before + 10, PICTURE_MS)
    assert.equal((await hearing(page)).runs, runs, 'nothing more came')
    assert.equal(await page.locator('[data-sound]').count(), 0)
  })

  it('says why a camera cannot be heard, and leaves its picture alone', async () => {
    await select(page, 4)
    await tool(page).tap()
    const words = page.locator('ion-toast').filter({ hasText: 'X-WHISTLE' })
    await words.waitFor()
    assert.match(await page.locator('.tile[data-index="4"] .hit').getAttribute('aria-label'), /no sound$/)
    await shoot(page, 'sound-unsupported')
    await select(page, 5)
    await tool(page).tap()
    await until('broken sound to be told', async () => (await hearing(page)).view.phase === 'failed', SOUND_MS)
    const before = (await stats(page)).map((row) => row.presented)
    await until('all pictures to go on', async () => (await stats(page)).every((row, n) => row.presented > before[n] + 15), PICTURE_MS)
    assert.equal(await page.locator('.tile[data-phase=playing]').count(), 6)
    const { streams } = await rpc(page, 'live.stats')
    assert.deepEqual(streams.map((stream) => stream.reconnects), streams.map(() => 0))
    await tool(page).tap()
  })

  it('is off again after a reload, and the console was silent', async () => {
    await page.reload()
    await untilPlaying(page, 6)
    assert.equal((await hearing(page)).view.phase, 'off')
    assert.deepEqual(complaints, [])
  })
})
