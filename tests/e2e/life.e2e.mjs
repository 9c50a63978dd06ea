/** The page in the background: no decoder, no picture held, and live again when it is back. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { APP_URL, launch, openApp, PICTURE_MS, READY, reset, rpc, setLayout, shoot, SIM_URL, stats, until, untilPlaying, view } from './lib.mjs'

/** The core's thirty seconds, and a busy machine. */
const LET_GO_MS = 60_000
const WINDOWS = 4

/** Counts what the page's decoders hold: runs before any script of the page. */
function count() {
  const decoders = new Set()
  const frames = new Set()
  const Native = window.VideoDecoder
  window.VideoDecoder = class extends Native {
    constructor(init) {
      super({ ...init, output: (frame) => { frames.add(frame); init.output(frame) } })
      decoders.add(this)
    }
    close() {
      decoders.delete(this)
      super.close()
    }
  }
  const close = VideoFrame.prototype.close
  VideoFrame.prototype.close = function () {
    frames.delete(this)
    close.call(this)
  }
  window.__held = () => ({ decoders: [...decoders].filter(({ state }) => state !== 'closed').length, frames: [...frames].filter(({ format }) => format !== null).length })
}

/** As the system tells a page that it is out of sight; what is held when the page has heard it. */
const hide = (page, hidden) => page.evaluate((away) => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (away ? 'hidden' : 'visible') })
  document.dispatchEvent(new Event('visibilitychange'))
  return window.__held()
}, hidden)

/** Calls the core past the page, which may be frozen. */
async function core(name) {
  const url = new URL(APP_URL)
  const response = await fetch(`${url.origin}/rpc/${name}`, {
    method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'x-bartizan-token': url.searchParams.get('token') },
  })
  return (await response.json()).ok
}
const streams = async () => (await core('live.stats')).streams

/** Connections to the simulated site that are established, by the kernel's own list. */
function connections() {
  const port = Number(new URL(SIM_URL.replace(/^rtsp:/, 'http:')).port).toString(16).toUpperCase().padStart(4, '0')
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
  return rows.filter(([, , remote, state]) => state === '01' && remote?.endsWith(`:${port}`)).length
}

/** Milliseconds until every window has shown a picture more. */
async function untilMore(page, before) {
  const began = Date.now()
  const more = async () => (await stats(page)).filter((row) => row.presented > (before.get(row.index) ?? 0)).length >= WINDOWS
  await until('every window live again', more, PICTURE_MS).catch(async (error) => {
    const shown = await page.evaluate(() => ({
      at: location.hash, pages: [...document.querySelectorAll('.ion-page:not(.ion-page-hidden)')].map((one) => one.querySelector('h1')?.textContent),
      phases: [...document.querySelectorAll('.tile')].map((one) => one.dataset.phase),
    }))
    throw new Error(`${error.message}\n${JSON.stringify({ before: [...before], now: [...await counts(page)], ...shown, streams: await streams() })}`)
  })
  return Date.now() - began
}
const counts = async (page) => new Map((await stats(page)).map(({ index, presented }) => [index, presented]))

describe('the life cycle', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 400_000 }, () => {
  let browser
  let app
  let page
  before(async () => {
    browser = await launch()
    app = await openApp(browser)
    page = app.page
    await page.addInitScript(count)
    await reset(page)
    await rpc(page, 'devices.add', { url: `${SIM_URL}/` })
    await page.reload()
    await setLayout(page, '4 windows')
    await untilPlaying(page, WINDOWS)
  })
  after(async () => {
    await app?.close()
    await browser?.close()
  })

  it('closes every decoder at once and is live again from the same sessions', async () => {
    // The streams of an earlier page go after a while.
    await until('only its own', async () => (await streams()).length === WINDOWS, LET_GO_MS)
    const opened = new Map((await streams()).map((row) => [`${row.channel} ${row.profile}`, row.accessUnits]))
    assert.ok((await page.evaluate(() => window.__held())).decoders >= WINDOWS)
    assert.deepEqual(await hide(page, true), { decoders: 0, frames: 0 })
    await until('nobody watches', async () => (await streams()).every((row) => row.viewers === 0))
    assert.equal((await streams()).length, opened.size, 'the core keeps the streams')
    const before = await counts(page)
    await hide(page, false)
    assert.equal(await view(page).locator('.tile.picture').count(), WINDOWS, 'the last pictures are there')
    console.log(`live again after ${await untilMore(page, before)} ms`)
    for (const row of await streams()) {
      const old = opened.get(`${row.channel} ${row.profile}`)
      if (old !== undefined) assert.ok(row.accessUnits > old && row.reconnects === 0, 'the session of before')
    }
    await until('every window says so', async () => (await page.locator('.tile[data-phase=playing]').count()) === WINDOWS, PICTURE_MS)
  })

  it('frozen for longer, its sessions end, and it comes back with the pictures it left with', async () => {
    const cdp = await page.context().newCDPSession(page)
    assert.deepEqual(await hide(page, true), { decoders: 0, frames: 0 })
    const before = await counts(page)
    // From here on no timer of the page runs: it is the core that counts.
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
    await until('the core lets go', async () => (await streams()).length === 0, LET_GO_MS)
    await until('no connection to the site', () => connections() === 0)
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await hide(page, false)
    assert.equal(await view(page).locator('.tile.picture').count(), WINDOWS, 'the last pictures are there')
    await shoot(page, 'life-back')
    console.log(`live again after ${await untilMore(page, before)} ms, from new sessions`)
    await until('every window says so', async () => (await page.locator('.tile[data-phase=playing]').count()) === WINDOWS, PICTURE_MS)
    await cdp.detach()
  })

  it('fetches nothing behind a page that covers the tabs, and goes on when that gives way, however it does', async () => {
    const go = (path) => page.evaluate((to) => { window.location.hash = `#${to}` }, path)
    const watched = async () => (await streams()).filter((row) => row.viewers > 0).length
    for (const [away, through] of [['/files', []], ['/help', ['/devices']], ['/device/add/address', ['/me', '/files']]]) {
      await go(away)
      await until(`nobody watches behind ${away}`, async () => (await watched()) === 0)
      for (const path of through) await go(path)
      const before = await counts(page)
      await go('/home')
      await untilMore(page, before)
    }
  })

  it('begins with what was seen last', async () => {
    await until('pictures are kept', async () => {
      const { devices } = await rpc(page, 'devices.list')
      const channels = devices.flatMap(({ id, channels: all }) => all.slice(0, 1).map(({ number }) => ({ device: id, channel: number })))
      return (await rpc(page, 'pictures.last', { channels })).pictures.some((one) => one !== null)
    })
    // No stream before it was seen, however fast the machine.
    let release
    const seen = new Promise((resolve) => { release = resolve })
    await page.route('**/rpc/live.connect', async (route) => {
      await seen
      await route.continue()
    })
    await page.reload()
    await page.locator('[data-still] img').first().waitFor({ timeout: PICTURE_MS })
    const index = await page.locator('[data-still]').first().getAttribute('data-still')
    const cover = await page.locator(`.tile[data-index="${index}"]`).evaluate((tile) => getComputedStyle(tile).backgroundColor)
    assert.equal(cover, 'rgba(0, 0, 0, 0)', 'the window hides its still')
    await shoot(page, 'life-begun')
    release()
    await untilPlaying(page, WINDOWS)
    assert.equal(await page.locator('[data-still]').count(), 0)
  })
})
