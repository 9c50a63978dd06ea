/**
 * From the second tap of a double tap on one of sixteen windows to the first picture of its main stream.
 *
 * node measure-enlarge.mjs --tries N
 * BARTIZAN_SOURCES says what is watched; BARTIZAN_PROGRAMS and BARTIZAN_UI where the web shell and the page are.
 * A try waits until the core has no session of that main stream left over. Prints one JSON object.
 */
import { parseArgs } from 'node:util'
import { doubleTap, until } from './lib.mjs'
import { openChromium, tell, untilWall } from './measuring.mjs'
import { startWeb, stop } from './programs.mjs'

const WINDOWS = 16
const LIMIT_MS = 20_000

const { values } = parseArgs({ options: { tries: { type: 'string', default: '20' } } })
const web = startWeb([])
const app = await openChromium(await web.line, web.child.pid, { hasTouch: true })
const { page } = app
try {
  await untilWall(app, WINDOWS)
  const tries = []
  for (let n = 0; n < Number(values.tries); n += 1) {
    const index = n % WINDOWS
    const tile = await app.run(`window.__bartizanWall.stats().find((one) => one.index === ${index})`)
    await until('no main stream of this channel', async () => !(await app.rpc('live.stats')).streams
      .some((one) => one.device === tile.device && one.channel === tile.channel && one.profile === 'main'), LIMIT_MS)
    const { x, y, width, height } = await page.locator(`.tile[data-index="${index}"]`).boundingBox()
    await page.evaluate(([at, small, limit]) => {
      const measured = { enlarged: null }
      window.__measured = new Promise((resolve, reject) => {
        let lifted = 0
        const lift = (event) => {
          lifted += 1
          if (lifted < 2) return
          removeEventListener('pointerup', lift, true)
          const began = event.timeStamp
          const look = () => {
            const now = performance.now()
            const one = window.__bartizanWall.stats().find((row) => row.index === at)
            measured.enlarged ??= document.querySelectorAll('.tile').length === 1 ? now - began : null
            if (one.width > small) resolve({ ...measured, hd: now - began })
            else if (now - began > limit) reject(new Error(`no picture of the main stream, ${JSON.stringify(one)}`))
            else requestAnimationFrame(look)
          }
          look()
        }
        addEventListener('pointerup', lift, true)
      })
      // Whoever awaits it comes later.
      window.__measured.catch(() => undefined)
    }, [index, tile.width, LIMIT_MS])
    await doubleTap(page, x + width / 2, y + height / 2)
    const { enlarged, hd } = await page.evaluate(() => window.__measured)
    tries.push({ enlarged_ms: enlarged, hd_ms: hd })
    await app.run('window.__bartizanWall.enlarge(null)')
    await until('all windows', async () => (await page.locator('.tile').count()) === WINDOWS)
    await until('its sub stream', async () => (await app.run(`window.__bartizanWall.stats().find((one) => one.index === ${index}).width`)) === tile.width, LIMIT_MS)
  }
  tell({ tries })
} finally {
  await app.close()
  await stop(web.child)
}
