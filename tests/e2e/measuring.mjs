/** What the measuring scripts share: the app in Chromium or in its own window behind one set of calls. */
import { launch, until } from './lib.mjs'
import { call } from './programs.mjs'
import { sampleUsage } from './usage.mjs'
import { openWindow } from './webdriver.mjs'

/** Not an aim: a machine under load needs it, and the faults of a soak have begun. */
const WALL_MS = 240_000

/** playwright-core hides the process of a launched browser; it is the only Chromium among our children. */
const browserPid = () => sampleUsage.childrenOf(process.pid).find((pid) => sampleUsage.name(pid).includes('chrom'))

/** The web shell at `url`, whose process is `pid`, in Chromium. `options` are those of a Playwright context. */
export async function openChromium(url, pid, options = {}) {
  const browser = await launch()
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark', ...options })
    const page = await context.newPage()
    await page.goto(url)
    return {
      page,
      run: (expression) => page.evaluate(expression),
      rpc: (name, request) => call(url, name, request),
      pids: () => [pid, browserPid()].filter(Boolean),
      close: () => browser.close(),
    }
  } catch (error) {
    await browser.close()
    throw error
  }
}

/** The app's own program in a window on DISPLAY. */
export async function openProgram(program, options = {}) {
  const app = await openWindow(program, options)
  return {
    ...app,
    async rpc(name, request = {}) {
      const reply = await app.run(`window.__TAURI_INTERNALS__.invoke('rpc', { name: ${JSON.stringify(name)}, request: ${JSON.stringify(request)} })`)
      if ('err' in reply) throw new Error(`${name}: ${reply.err.code} ${reply.err.detail}`)
      return reply.ok
    },
  }
}

/** Waits for a wall of `count` windows that all show pictures. */
export async function untilWall(app, count) {
  await until('the wall', () => app.run('Boolean(window.__bartizanWall)'), WALL_MS)
  await app.run(`window.__bartizanWall.setLayout(${count})`)
  await until(
    `${count} windows with a picture`,
    async () => (await app.run('window.__bartizanWall.stats().filter((tile) => tile.presented > 0).length')) >= count,
    WALL_MS,
  )
}

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const tell = (report) => console.log(JSON.stringify(report))
