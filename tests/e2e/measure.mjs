/**
 * Watches the wall for a while without anyone looking and prints one JSON object on its last line.
 *
 * node measure.mjs [--seconds N] [--layout 16] [--decoding hard|soft] [--window PROGRAM]
 * Chromium: BARTIZAN_URL is a running web shell's address, BARTIZAN_SERVER_PID its process.
 * Window: the program is started through WebKitWebDriver on DISPLAY; BARTIZAN_SOURCES says what it watches.
 */
import { parseArgs } from 'node:util'
import { launch, until } from './lib.mjs'
import { sampleUsage } from './usage.mjs'
import { openWindow } from './webdriver.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    layout: { type: 'string', default: '16' },
    decoding: { type: 'string', default: 'hard' },
    window: { type: 'string' },
    /** Opens so many further streams one after the other and tells how long each took to its first picture. */
    openings: { type: 'string', default: '0' },
  },
})
const seconds = Number(values.seconds)
const layout = Number(values.layout)
/** The windows of the first page; the others are closed. */
const STATS = `window.__bartizanWall.stats().filter((tile) => tile.index < ${layout})`

async function chromium() {
  const browser = await launch()
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
  const page = await context.newPage()
  await page.goto(process.env.BARTIZAN_URL)
  return {
    run: (expression) => page.evaluate(expression),
    pids: () => [Number(process.env.BARTIZAN_SERVER_PID), browser.process?.()?.pid ?? browserPid()].filter(Boolean),
    close: () => browser.close(),
  }
}

/** playwright-core hides the process of a launched browser; it is the only Chromium among our children. */
function browserPid() {
  return sampleUsage.childrenOf(process.pid).find((pid) => sampleUsage.name(pid).includes('chrom'))
}

const app = values.window ? await openWindow(values.window) : await chromium()
try {
  await until('the wall', () => app.run(`Boolean(window.__bartizanWall)`), 60_000)
  await app.run(`window.__bartizanWall.setLayout(${layout})`)
  if (values.decoding === 'soft') await app.run(`window.__bartizanWall.setHardDecoding(false)`)
  await until('a tile', () => app.run(`window.__bartizanWall.stats().length > 0`), 60_000)
  // The first second holds decoders' start and the joining of groups of pictures: it is not counted as running cost.
  await until(
    'a first picture on every tile',
    () => app.run(`${STATS}.every((tile) => tile.presented > 0)`),
    30_000,
  ).catch(() => {})
  const usage = sampleUsage.start(app.pids())
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const cost = usage.stop()
  const tiles = await app.run(STATS)
  const openings = []
  // The core keeps the sessions of the wall's first moment for a grace time; only after it an opening is one.
  if (Number(values.openings) > 0) await new Promise((resolve) => setTimeout(resolve, 12_000))
  for (let page = 1; page <= Number(values.openings); page += 1) {
    openings.push(await app.run(`new Promise((resolve, reject) => {
      const presented = () => window.__bartizanWall.stats().find((tile) => tile.index === ${page})?.presented ?? 0
      const before = presented()
      const began = performance.now()
      window.__bartizanWall.setPage(${page})
      const look = () => {
        const took = performance.now() - began
        if (presented() !== before && presented() > 0) resolve(took)
        else if (took > 15000) reject(new Error('no first picture'))
        else requestAnimationFrame(look)
      }
      look()
    })`))
  }
  const report = {
    shell: values.window ? 'window' : 'chromium',
    seconds,
    tiles: tiles.map((tile) => ({
      index: tile.index, name: tile.name, codec: tile.codec, path: tile.path, transport: tile.transport,
      width: tile.width, height: tile.height, presented: tile.presented, presented_fps: tile.presentedFps,
      age_ms_p50: tile.ageMsP50, age_ms_p95: tile.ageMsP95, dropped: tile.dropped, first_frame_ms: tile.firstFrameMs,
    })),
    openings_ms: openings,
    ...cost,
  }
  console.log(JSON.stringify(report))
} finally {
  await app.close()
}
