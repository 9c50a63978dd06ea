/**
 * Watches one stream over a rough network in the three quality modes at once, in headless Chromium, and prints one JSON
 * object on its last line.
 *
 * node measure-quality.mjs [--seconds N] [--transport tcp|udp] [--warm SECONDS]
 * BARTIZAN_URL is a running web shell's address, BARTIZAN_SIM a site with the fault `jitter-loss`, see lib.mjs.
 * With BARTIZAN_PEER and DISPLAY also what a player shows there: `x,y,width,height` of its picture.
 *
 * Three pages look at the same camera. The core keeps one session for all of them, so they get the very same packets at
 * the same moments. Each picture that a page has drawn is read off its own canvas: the time bar says when the camera
 * took it (docs/simulator.md), so that an age is true, and two drawn pictures with the same time are one.
 */
import { parseArgs } from 'node:util'
import { launch, openApp, PICTURE_MS, reset, rpc, site, stats, until, untilPlaying } from './lib.mjs'
import { watchScreen } from './screen.mjs'
import { summary, timeOfBar } from './timebar.mjs'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, transport: { type: 'string', default: 'tcp' }, warm: { type: 'string', default: '10' } },
})
const MODES = ['realTime', 'auto', 'fluent']
/** The sub stream of the site. */
const INTERVAL_MS = 1000 / 15
/** Small, since here the processor draws: three large pages would measure how long that takes. */
const SMALL = { viewport: { width: 360, height: 480 }, deviceScaleFactor: 1, isMobile: false, hasTouch: false, reducedMotion: 'reduce' }

const browser = await launch()
try {
  const { host, port, user, password } = site()
  const first = await openApp(browser, SMALL)
  await reset(first.page)
  const device = await rpc(first.page, 'devices.add', { host, ports: { rtsp: Number(port) }, user, password, transport: values.transport, family: 'rtsp' })
  await rpc(first.page, 'settings.set', { layout: 1, qualityMode: 'auto', fluentDelayMs: 400 })
  await first.page.close()
  const pages = []
  for (const mode of MODES) {
    const { page, complaints } = await openApp(browser, SMALL)
    await page.evaluate(([id, own]) => localStorage.setItem('bartizan.quality', JSON.stringify([[`1 ${id}`, own]])), [device.id, mode])
    await page.reload()
    await untilPlaying(page, 1)
    await until(`the mode ${mode}`, async () => (await stats(page))[0]?.quality === mode)
    pages.push({ mode, page, complaints })
  }
  await Promise.all(pages.map(({ page }) => page.evaluate((source) => {
    const timeOfBar = new Function(`return ${source}`)()
    const wall = window.__bartizanWall
    const { renderer } = wall
    const strip = document.createElement('canvas')
    strip.width = 640
    strip.height = 8
    const context = strip.getContext('2d', { willReadFrequently: true })
    const shown = []
    let unread = 0
    const { presented } = renderer.events
    renderer.events.presented = (id, picture) => {
      const at = Date.now()
      presented(id, picture)
      const box = wall.pictureBox(0)
      const scale = renderer.canvas.width / renderer.canvas.clientWidth
      context.drawImage(renderer.canvas, box.x * scale, (box.y + box.height * 43.3 / 45) * scale, box.width * scale, box.height * 1.4 / 45 * scale, 0, 0, 640, 8)
      const { data } = context.getImageData(0, 4, 640, 1)
      const taken = timeOfBar(Array.from({ length: 640 }, (_, x) => data[x * 4 + 1]))
      if (taken === null) unread += 1
      else shown.push([at, taken])
    }
    window.bartizanShown = () => ({ shown: shown.splice(0), unread })
  }, timeOfBar.toString())))
  const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  await wait(Number(values.warm))
  await Promise.all(pages.map(({ page }) => page.evaluate(() => window.bartizanShown())))
  const peer = process.env.BARTIZAN_PEER ? watchScreen(process.env.BARTIZAN_PEER.split(',').map(Number)) : null
  const delays = Object.fromEntries(MODES.map((mode) => [mode, []]))
  const end = Date.now() + Number(values.seconds) * 1000
  while (Date.now() < end) {
    await wait(Math.min(1, Math.max(0, (end - Date.now()) / 1000)))
    for (const { mode, page } of pages) delays[mode].push((await stats(page))[0].delayMs)
  }
  const report = { seconds: Number(values.seconds), transport: values.transport, modes: {}, peer: peer === null ? null : summary(await peer.stop(), INTERVAL_MS) }
  for (const { mode, page, complaints } of pages) {
    const { shown, unread } = await page.evaluate(() => window.bartizanShown())
    const [row] = await stats(page)
    delays[mode].sort((a, b) => a - b)
    report.modes[mode] = { ...summary(shown, INTERVAL_MS), unread, delay_ms_p50: delays[mode][delays[mode].length >> 1], transport: row.transport, complaints }
  }
  console.log(JSON.stringify(report))
} finally {
  await browser.close()
}
