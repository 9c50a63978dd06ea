/**
 * From the start of the program to the first picture, the wall being restored as it was left.
 *
 * node measure-start.mjs --source RTSP_URL --tries N [--window PROGRAM]
 * BARTIZAN_PROGRAMS and BARTIZAN_UI say where the web shell and the page are. Each try is a new process on the same data
 * folder and a page without a cache. In a window the time runs from the start of the app's own process, as the kernel has it.
 * Prints one JSON object: milliseconds to the first picture of a window and to the last one's, of each try.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { launch, until } from './lib.mjs'
import { openProgram, tell } from './measuring.mjs'
import { call, startWeb, stop } from './programs.mjs'
import { sampleUsage } from './usage.mjs'

const LIMIT_MS = 30_000
/** The second page of a wall of four windows: a place where nothing but memory play leads. */
const LAYOUT = 4
const PAGE = 1

const { values } = parseArgs({
  options: { source: { type: 'string' }, tries: { type: 'string', default: '10' }, window: { type: 'string' } },
})
const data = mkdtempSync(join(tmpdir(), 'bartizan-start-'))

/** A profile that watched sixteen channels and was left on the second page. */
async function prepare() {
  const web = startWeb(['--data', data])
  try {
    const url = await web.line
    await call(url, 'devices.add', { url: values.source, name: 'Site' })
    await call(url, 'settings.set', { layout: LAYOUT, memoryPlay: true })
    await call(url, 'memory.set', { layout: LAYOUT, page: PAGE, group: null, homeLayout: null, enlarged: null, windows: [] })
  } finally {
    await stop(web.child)
  }
}

/** Milliseconds since 1970 of the first picture of each window on screen, once all have one. */
async function firstPictures(run) {
  const rows = await until('the pictures of the restored page', async () => {
    const all = await run(`(window.__bartizanWall?.stats() ?? []).map(({ index, firstPresentedAt }) =>
      ({ index, at: firstPresentedAt === null ? null : performance.timeOrigin + firstPresentedAt }))`)
    const shown = all.filter(({ index }) => Math.floor(index / LAYOUT) === PAGE)
    return shown.length === LAYOUT && shown.every(({ at }) => at !== null) ? { shown, others: all.length - shown.length } : null
  }, LIMIT_MS)
  if (rows.others === 0) throw new Error('the wall has no other page')
  return rows.shown.map(({ at }) => at)
}

const report = (began, pictures) => ({ first_ms: Math.min(...pictures) - began, all_ms: Math.max(...pictures) - began })

async function inChromium(browser) {
  const began = Date.now()
  const web = startWeb(['--data', data])
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
  try {
    const page = await context.newPage()
    await page.goto(await web.line)
    return report(began, await firstPictures((expression) => page.evaluate(expression)))
  } finally {
    await context.close()
    await stop(web.child)
  }
}

async function inWindow() {
  const app = await openProgram(values.window, { env: { BARTIZAN_DATA: data } })
  try {
    const own = sampleUsage.tree(app.pids()).find((pid) => sampleUsage.name(pid) === basename(values.window).slice(0, 15))
    if (own === undefined) throw new Error('the process of the app was not found')
    const began = sampleUsage.startedAt(own)
    return report(began, await firstPictures(app.run))
  } finally {
    await app.close()
  }
}

const browser = values.window ? null : await launch()
try {
  await prepare()
  const tries = []
  for (let n = 0; n < Number(values.tries); n += 1) tries.push(await (values.window ? inWindow() : inChromium(browser)))
  tell({ tries })
} finally {
  await browser?.close()
  rmSync(data, { recursive: true, force: true })
}
