/**
 * Seeks in a long recording: from the request to the exact picture drawn, here and in Chromium's own <video> on the same
 * file. Prints one JSON object on its last line.
 *
 * node measure-seek.mjs --file PATH [--seeks 30]; BARTIZAN_URL is a running web shell's address whose data folder has it.
 */
import assert from 'node:assert/strict'
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { APP_URL, launch, rpc, until } from './lib.mjs'
import { readTimeBar } from './timebar.mjs'

const { values } = parseArgs({ options: { file: { type: 'string' }, seeks: { type: 'string', default: '30' } } })
const FILM_MS = 12_000
const FROM_MS = 1_763_700_000_000

/** Repeatable places all over the recording. */
function places(durationUs, count) {
  let state = 7
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor(state / 2_147_483_648 * (durationUs - 100_000))
  })
}

/** Files as a web server gives them: whole or a range. */
function serve(path) {
  const size = statSync(path).size
  const server = createServer((request, response) => {
    if (request.url !== '/movie.mp4') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<video muted playsinline></video>')
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
    const from = range ? Number(range[1]) : 0
    const to = range?.[2] ? Number(range[2]) : size - 1
    response.writeHead(range ? 206 : 200, {
      'content-type': 'video/mp4', 'accept-ranges': 'bytes', 'content-length': to - from + 1, 'content-range': `bytes ${from}-${to}/${size}`,
    })
    createReadStream(path, { start: from, end: to }).on('error', () => response.destroy()).pipe(response)
  })
  return new Promise((done) => { server.listen(0, '127.0.0.1', () => done(server)) })
}

async function ours(browser, count) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
  const page = await context.newPage()
  await page.goto(APP_URL)
  await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
  const file = await until('the recording', async () => (await rpc(page, 'files.list')).files.find((one) => one.durationMs > 60_000), 60_000)
  const opened = Date.now()
  await page.evaluate((id) => { window.location.hash = `#/files/${id}` }, file.id)
  await until('a picture', () => page.evaluate(() => (window.__bartizanPlayer?.presented ?? 0) > 0), 60_000)
  const openMs = Date.now() - opened
  const { durationUs } = await page.evaluate(() => {
    window.__bartizanPlayer.pause()
    return { durationUs: window.__bartizanPlayer.durationUs }
  })
  const all = []
  for (const us of [durationUs / 2, ...places(durationUs, count)]) {
    const { ms, shown } = await page.evaluate(async (at) => {
      const begun = performance.now()
      const shownUs = await window.__bartizanPlayer.seek(at)
      return { ms: performance.now() - begun, shown: shownUs }
    }, us)
    assert.ok(shown <= us && us - shown <= 41_000, `${shown} for ${us}`)
    const bar = await readTimeBar(page)
    assert.equal(bar, FROM_MS + Math.floor(shown / 1000) % FILM_MS, 'the very picture is on the canvas')
    all.push(ms)
    await page.waitForTimeout(120)
  }
  await context.close()
  // The first warms the decoder, here and there.
  return { openMs, ms: all.slice(1), durationUs }
}

async function theirs(browser, path, durationUs, count) {
  const server = await serve(path)
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.evaluate(() => new Promise((done, failed) => {
    const video = document.querySelector('video')
    video.onloadeddata = done
    video.onerror = () => failed(new Error(`video: ${video.error?.message}`))
    video.src = '/movie.mp4'
  }))
  const all = []
  for (const us of [durationUs / 2, ...places(durationUs, count)]) {
    all.push(await page.evaluate((at) => new Promise((done) => {
      const video = document.querySelector('video')
      const begun = performance.now()
      let seeked = false
      let presented = 0
      const check = () => {
        if (seeked && presented > 0) done(presented - begun)
      }
      video.addEventListener('seeked', () => {
        seeked = true
        check()
      }, { once: true })
      video.requestVideoFrameCallback(() => {
        presented = performance.now()
        check()
      })
      video.currentTime = at / 1e6
    }), us))
    await page.waitForTimeout(120)
  }
  await context.close()
  server.closeAllConnections()
  server.close()
  return { ms: all.slice(1) }
}

const browser = await launch()
try {
  const count = Number(values.seeks)
  const own = await ours(browser, count)
  const video = await theirs(browser, values.file, own.durationUs, count)
  console.log(JSON.stringify({ ours: own, video }))
} finally {
  await browser.close()
}
