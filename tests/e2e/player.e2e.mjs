/**
 * A recording as a person plays it: every claim about a picture is read off the picture itself, whose time bar tells when
 * the simulated camera drew it. Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { APP_URL, launch, noViolations, openApp, READY, reset, rpc, shoot, SIM_URL, until, untilPlaying, view } from './lib.mjs'
import { readTimeBar, truthOf } from './timebar.mjs'

/** Of the first channel of the simulated site. */
const TONE_HZ = 350

describe('the player', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 600_000 }, () => {
  let browser
  let app
  let page
  let file
  const folder = mkdtempSync(join(tmpdir(), 'bartizan-player-'))
  /** Every picture of it as another decoder sees it. */
  let truth

  before(async () => {
    browser = await launch()
    app = await openApp(browser)
    page = app.page
    await reset(page)
    await clear()
    await rpc(page, 'devices.add', { url: `${SIM_URL}/ch1/main`, name: 'Front gate' })
    await rpc(page, 'settings.set', { layout: 1 })
    await page.reload()
    await untilPlaying(page, 1)
    const { devices } = await rpc(page, 'devices.list')
    const channel = { device: devices[0].id, channel: devices[0].channels[0].number }
    await rpc(page, 'record.start', channel)
    await until('eight seconds recorded', async () => (await rpc(page, 'record.list')).recordings[0]?.elapsedMs > 8000, 60_000)
    // A disk that is slow to finish the file says so, and finishes it.
    await rpc(page, 'record.stop', channel).catch(() => undefined)
    file = await until('the finished recording', async () => (await rpc(page, 'files.list')).files.find((one) => one.durationMs > 7000), 60_000)
    await rpc(page, 'devices.delete', { id: devices[0].id })
    truth = truthOf(await written(file))
    assert.ok(truth.length > 60 && truth.every(({ bar }, at) => bar !== null && (at === 0 || bar > truth[at - 1].bar)))
    await app.close()
  })
  after(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true })
  })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
  })
  afterEach(async (context) => {
    await shoot(page, `player-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  async function clear() {
    const ids = (await rpc(page, 'files.list')).files.map((one) => one.id)
    if (ids.length > 0) await rpc(page, 'files.delete', { ids })
  }

  /** A file as the page reads it, on the disk. */
  async function written({ id, bytes }) {
    const parts = []
    for (let offset = 0; offset < bytes;) {
      const part = Buffer.from((await rpc(page, 'files.read', { id, offset, length: 1 << 20 })).data, 'base64')
      assert.ok(part.length > 0)
      parts.push(part)
      offset += part.length
    }
    const path = join(folder, id)
    writeFileSync(path, Buffer.concat(parts))
    return path
  }

  const button = (name) => page.locator('.player').getByRole('button', { name, exact: true })
  const told = () => page.evaluate(() => {
    const { state, presentedUs, presented, durationUs, info } = window.__bartizanPlayer
    return { ...state, presentedUs, presented, durationUs, info }
  })

  /** Opens the recording from the grid, as a person does, and waits for its first picture. */
  async function open() {
    await page.goto(`${APP_URL}#/files`)
    await view(page).locator(`[data-file="${file.id}"]`).click()
    await page.waitForURL(`**/#/files/${file.id}`)
    await until('a picture', async () => page.evaluate(() => (window.__bartizanPlayer?.presented ?? 0) > 0), 60_000)
  }

  async function openPaused(us = 0) {
    await open()
    await page.evaluate(async (at) => {
      window.__bartizanPlayer.pause()
      await window.__bartizanPlayer.seek(at)
    }, us)
  }

  const barTime = () => readTimeBar(page)

  /** Which picture of the recording is on the canvas, by its own time bar, once it is the one that the player means. */
  async function picture() {
    const { shownUs } = await until('the picture on the canvas', async () => {
      const now = await told()
      return !now.seeking && now.presentedUs === now.shownUs ? now : null
    })
    const bar = await until('a readable time bar', barTime)
    const at = truth.findIndex((one) => one.bar === bar)
    assert.ok(at >= 0 && Math.abs(truth[at].us - shownUs) <= 20, `${bar} at ${shownUs}`)
    return at
  }

  const shownFor = (us) => truth.findLastIndex((one) => one.us <= us + 20)

  it('plays by itself, pauses and goes on', async () => {
    await open()
    await page.locator('.player').getByRole('button', { name: 'Pause' }).waitFor()
    const first = await barTime()
    await until('the picture moves', async () => (await barTime()) > first + 500)
    await shoot(page, 'player-phone')
    await button('Pause').click()
    await noViolations(page, 'player')
    const still = await picture()
    await page.waitForTimeout(400)
    assert.equal(await picture(), still)
    await page.keyboard.press('Space')
    await until('it plays', async () => (await told()).playing)
    await until('the picture moves again', async () => (await barTime()) > truth[still].bar)
    await page.keyboard.press('k')
    await until('it is paused', async () => !(await told()).playing)
  })

  it('is heard at plain speed while it plays, and silent when it is not to be', async () => {
    await open()
    const loudest = () => page.evaluate(() => window.__bartizanPlayer.heard())
    // A bin of the analyser is 12 Hz wide.
    const heard = () => until('its tone', async () => {
      const now = await loudest()
      return now !== null && now.db > -70 && Math.abs(now.hz - TONE_HZ) <= 13
    })
    const silent = () => until('silence', async () => (await loudest()).db < -90)
    await heard()
    await page.keyboard.press('k')
    await silent()
    await page.evaluate(() => window.__bartizanPlayer.seek(500_000))
    await page.keyboard.press('k')
    await heard()
    await page.keyboard.press('l')
    await silent()
    await page.keyboard.press('j')
    await page.evaluate(() => window.__bartizanPlayer.seek(500_000))
    await heard()
    await button('Turn the sound off').click()
    await silent()
    await shoot(page, 'player-muted')
    await page.evaluate(() => window.__bartizanPlayer.seek(500_000))
    await page.keyboard.press('m')
    await button('Turn the sound off').waitFor()
    await heard()
  })

  it('steps exactly one picture, both ways, over random access points', async () => {
    await openPaused(truth[34].us)
    let at = await picture()
    assert.equal(at, 34)
    for (const by of [...Array(12).fill(-1), ...Array(30).fill(1), ...Array(5).fill(-1)]) {
      await page.keyboard.press(by === 1 ? '.' : ',')
      at += by
      await until('another picture', async () => Math.abs((await told()).presentedUs - truth[at].us) <= 20)
      assert.equal(await picture(), at)
    }
    await button('One picture on').click()
    await until('one on', async () => (await told()).shownUs > truth[at].us + 20)
    assert.equal(await picture(), at + 1)
    await button('One picture back').click()
    await until('and back', async () => (await told()).shownUs <= truth[at].us + 20)
    assert.equal(await picture(), at)
  })

  it('a seek shows the very picture of that time', async () => {
    await openPaused(0)
    assert.equal(await picture(), 0)
    const { durationUs } = await told()
    for (const share of [0.31, 0.9, 0.07, 0.66, 0.5, 0.999]) {
      const us = Math.floor(durationUs * share)
      await page.evaluate((to) => window.__bartizanPlayer.seek(to), us)
      assert.equal(await picture(), shownFor(us), `${share}`)
    }
    // The time line, by keyboard and by finger.
    await page.keyboard.press('Home')
    await until('the beginning', async () => (await told()).shownUs === 0)
    const box = await page.getByRole('slider', { name: 'Place in the recording' }).boundingBox()
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2)
    await until('the middle', async () => Math.abs((await told()).shownUs / durationUs - 0.5) < 0.1)
    await page.keyboard.press('End')
    await until('the end', async () => (await told()).shownUs >= truth.at(-1).us - 20)
    assert.equal(await picture(), truth.length - 1)
  })

  for (const [rate, low, high] of [[0.25, 0.15, 0.35], [1, 0.7, 1.2], [2, 1.3, 2.4], [8, 4, 12]]) {
    it(`plays at ${rate} times the speed`, async () => {
      await openPaused(0)
      await page.evaluate((wanted) => {
        window.__bartizanPlayer.setRate(wanted)
        window.__bartizanPlayer.play()
      }, rate)
      const measured = await page.evaluate(async (span) => {
        const own = window.__bartizanPlayer
        await new Promise((done) => setTimeout(done, 150))
        const [us, at] = [own.state.atUs, performance.now()]
        await new Promise((done) => setTimeout(done, span))
        return (own.state.atUs - us) / 1000 / (performance.now() - at)
      }, rate > 4 ? 500 : 2000)
      assert.ok(measured > low && measured < high, `${measured}`)
      assert.equal((await told()).keysOnly, rate > 4)
    })
  }

  it('speed by buttons and keys', async () => {
    await openPaused(0)
    await button('Faster').click()
    await until('2×', async () => (await told()).rate === 2)
    for (let i = 0; i < 4; i += 1) await page.keyboard.press('j')
    await until('1/8', async () => (await told()).rate === 0.125)
    // The page follows the engine a frame later.
    await until('no slower', () => button('Slower').isDisabled())
    await shoot(page, 'player-slow')
  })

  it('a snapshot is the picture on the screen, in full size', async () => {
    await openPaused(3_210_000)
    const shown = truth[await picture()]
    await button('Snapshot').click()
    await page.locator('ion-toast').waitFor()
    const kept = (await rpc(page, 'files.list')).files.find((one) => one.kind === 'snapshot')
    assert.deepEqual([kept.width, kept.height], [1280, 720])
    assert.equal(kept.takenAtMs, file.takenAtMs + Math.floor((await told()).shownUs / 1000))
    const { data } = await rpc(page, 'files.read', { id: kept.id, offset: 0, length: 1 << 20 })
    assert.equal(await readTimeBar(page, data), shown.bar)
    await shoot(page, 'player-snapshot')
    await rpc(page, 'files.delete', { ids: [kept.id] })
  })

  it('zooms with the keys and shows all of it again', async () => {
    await openPaused(1_000_000)
    await page.keyboard.press('+')
    await page.keyboard.press('+')
    await until('zoomed', async () => page.evaluate(() => window.__bartizanPlayer.zoom.scale > 1.5))
    const { shownUs } = await told()
    await page.keyboard.press('ArrowRight')
    assert.equal((await told()).shownUs, shownUs, 'an arrow moves the zoomed picture')
    await shoot(page, 'player-zoom')
    await page.getByRole('button', { name: /show the whole picture/ }).click()
    await until('whole', async () => page.evaluate(() => window.__bartizanPlayer.zoom.scale === 1))
  })

  it('plays without WebCodecs, decoded by the core', async () => {
    await rpc(page, 'settings.set', { hardDecoding: false })
    await page.reload()
    try {
      await openPaused(2_000_000)
      assert.equal((await told()).delivery, 'pictures')
      await page.getByText('Software decoding').waitFor()
      const at = await picture()
      assert.equal(at, shownFor(2_000_000))
      for (const by of [1, 1, -1, -1, -1, -1]) {
        const from = (await told()).shownUs
        await page.keyboard.press(by === 1 ? '.' : ',')
        await until('another picture', async () => (await told()).shownUs !== from)
      }
      assert.equal(await picture(), at - 2)
      await page.keyboard.press('Space')
      await until('it plays', async () => (await told()).shownUs > truth[at].us + 300_000)
    } finally {
      await rpc(page, 'settings.set', { hardDecoding: true })
    }
  })

  it('what is saved from the player is a whole MP4, and a deleted recording comes back', async () => {
    await openPaused(0)
    const [download] = await Promise.all([page.waitForEvent('download'), button('Save').click()])
    const path = join(folder, 'saved.mp4')
    await download.saveAs(path)
    assert.match(download.suggestedFilename(), /^Front gate .*\.mp4$/)
    const probe = execFileSync('ffprobe', ['-v', 'warning', '-count_frames', '-show_entries', 'stream=codec_name,width,height,nb_read_frames', '-of', 'json', path], { encoding: 'utf8' })
    const [stream] = JSON.parse(probe).streams
    assert.deepEqual([stream.codec_name, stream.width, stream.height], ['h264', 1280, 720])
    assert.equal(Number(stream.nb_read_frames), truth.length)
    await button('Delete').click()
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await until('it is back', async () => (await rpc(page, 'files.list')).files.some((one) => one.id === file.id))
  })

  it('held sideways the picture has the whole screen, and a tap brings the controls', async () => {
    await openPaused(1_000_000)
    await page.setViewportSize({ width: 844, height: 390 })
    await page.locator('.player.floating').waitFor()
    await page.locator('.mount:visible').last().click({ position: { x: 400, y: 150 } })
    await button('Play').waitFor()
    await shoot(page, 'player-sideways')
    await page.setViewportSize({ width: 390, height: 844 })
  })
})
