/**
 * Measures what a person waits for with simulated devices of each family, in headless Chromium, and prints one JSON
 * object on its last line.
 *
 * node measure-brands.mjs add|ptz [--tries N]
 * BARTIZAN_URL is a running web shell's address, BARTIZAN_BRANDS the path of the site's list, see adding.e2e.mjs.
 *
 * `add`: from the press on *Add* in the login step until the wall shows the device's first picture. The page itself
 * presses *Watch now* as soon as it is there, as nobody's hesitation is to be measured.
 *
 * `ptz`: from the key press until a presented picture shows the view turned. A picture counts as turned when it fits the
 * resting one best shifted by a pixel of 320 or more towards the expected side: whatever moves within the scene changes a
 * part of the picture only and leaves the whole where it was. The same look at the resting camera, as long before each
 * key press, tells how often that takes the scene's own motion for a turn.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { goTab, launch, openApp, PICTURE_MS, reset, rpc, stats, until, untilPlaying, view } from './lib.mjs'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { tries: { type: 'string' } } })
const brands = JSON.parse(readFileSync(process.env.BARTIZAN_BRANDS, 'utf8')).filter((one) => one.activated)

/** Milliseconds from *Add* to the answer of the core, to the page that tells it, and to the first picture. */
async function addOnce(page, brand) {
  await reset(page)
  await goTab(page, 'devices')
  await page.getByRole('button', { name: 'Add a device' }).first().click()
  await view(page).getByRole('link', { name: /^By address/ }).click()
  const form = view(page)
  await form.getByLabel('Address', { exact: true }).fill(brand.host)
  await form.getByText('More: ports, protocol, second address').click()
  for (const [label, port] of [['HTTP port', brand.httpPort], ['HTTPS port', brand.httpsPort], ['RTSP port', brand.rtspPort]]) {
    await form.getByLabel(label, { exact: true }).fill(String(port ?? ''))
  }
  await form.getByRole('button', { name: 'Next', exact: true }).click()
  await view(page).getByLabel('Password', { exact: true }).waitFor({ timeout: PICTURE_MS })
  await view(page).getByLabel('User name').fill(brand.user)
  await view(page).getByLabel('Password', { exact: true }).fill(brand.password)
  await page.evaluate((limit) => {
    performance.clearResourceTimings()
    const button = (name) => [...document.querySelectorAll('button, ion-button')]
      .find((one) => one.textContent.trim() === name && one.getClientRects().length > 0)
    window.bartizanMeasured = new Promise((resolve, reject) => {
      addEventListener('click', (event) => {
        const began = event.timeStamp
        let told = null
        const look = () => {
          const now = performance.now()
          if (told === null && button('Watch now') !== undefined) {
            told = now
            button('Watch now').click()
          }
          if (told !== null && window.__bartizanWall?.stats().some((tile) => tile.presented > 0)) {
            const call = performance.getEntriesByType('resource').find((one) => one.name.endsWith('/rpc/devices.add'))
            resolve({ answered: call.responseEnd - began, told: told - began, live: now - began })
          } else if (now - began > limit) reject(new Error(`no picture, told ${told}`))
          else requestAnimationFrame(look)
        }
        look()
      }, { capture: true, once: true })
    })
    // Whoever awaits it comes later.
    window.bartizanMeasured.catch(() => undefined)
  }, PICTURE_MS)
  await view(page).getByRole('button', { name: 'Add', exact: true }).click()
  return page.evaluate(() => window.bartizanMeasured)
}

/** Puts the detector into the page: `bartizanTurns(rest, key)` as told at the top. */
const installDetector = (page) => page.evaluate(() => {
  const WIDTH = 320
  const HEIGHT = 180
  /** Without the time bar at the foot. */
  const ROWS = 168
  const FAR = 10
  const small = document.createElement('canvas')
  small.width = WIDTH
  small.height = HEIGHT
  const context = small.getContext('2d', { willReadFrequently: true })
  const presented = () => window.__bartizanWall.stats()[0].presented
  const grey = () => {
    const wall = document.querySelector('.mount canvas')
    const box = window.__bartizanWall.pictureBox(0)
    const scale = wall.width / wall.clientWidth
    context.drawImage(wall, box.x * scale, box.y * scale, box.width * scale, box.height * scale, 0, 0, WIDTH, HEIGHT)
    const { data } = context.getImageData(0, 0, WIDTH, ROWS)
    return Uint8Array.from({ length: WIDTH * ROWS }, (_, at) => data[at * 4 + 1])
  }
  /** The shift at which `now` fits `before` best; positive when the camera looks further right. */
  const shift = (before, now) => {
    let best = 0
    let least = Infinity
    for (let by = -FAR; by <= FAR; by += 1) {
      let sum = 0
      for (let y = 0; y < ROWS; y += 2) {
        const row = y * WIDTH
        for (let x = FAR; x < WIDTH - FAR; x += 1) sum += Math.abs(now[row + x] - before[row + x + by])
      }
      if (sum < least) {
        least = sum
        best = by
      }
    }
    return best
  }
  /** Calls `take` with each presented picture until it gives something. */
  const pictures = (take, limit = 15_000) => new Promise((resolve, reject) => {
    const began = performance.now()
    let count = presented()
    const look = () => {
      if (presented() !== count) {
        count = presented()
        // Before the work of looking: it is not what is measured.
        const at = performance.now()
        const given = take(grey(), at)
        if (given !== undefined) return resolve(given)
      }
      if (performance.now() - began > limit) return reject(new Error('the picture did what was not expected'))
      requestAnimationFrame(look)
    }
    look()
  })
  window.bartizanStill = async (count) => {
    let [before, same] = [null, 0]
    return pictures((now) => {
      same = before !== null && shift(before, now) === 0 ? same + 1 : 0
      // Always with the first of the row, so that a slow drift is none.
      if (same === 0) before = now
      return same >= count ? true : undefined
    })
  }
  window.bartizanTurns = (side) => {
    const rest = grey()
    window.bartizanTurned = new Promise((resolve, reject) => {
      performance.clearResourceTimings()
      addEventListener('keydown', (event) => {
        const began = event.timeStamp
        let seen = 0
        pictures((now, at) => {
          seen += 1
          if (shift(rest, now) * side <= 0) return undefined
          const call = performance.getEntriesByType('resource').find((one) => one.name.endsWith('/rpc/control.hold'))
          return { turned: at - began, answered: call === undefined ? null : call.responseEnd - began, pictures: seen }
        }).then(resolve, reject)
      }, { capture: true, once: true })
    })
    window.bartizanTurned.catch(() => undefined)
  }
  /** How many of the next `count` pictures of a resting camera would pass for turned. */
  window.bartizanFalse = (count) => {
    const rest = grey()
    let [seen, wrong] = [0, 0]
    return pictures((now) => {
      seen += 1
      if (shift(rest, now) !== 0) wrong += 1
      return seen >= count ? wrong : undefined
    })
  }
})

async function turns(page, brand, tries) {
  await reset(page)
  const { host, httpPort, httpsPort, user, password } = brand
  const ports = { http: httpPort, ...(httpsPort && { https: httpsPort }) }
  await rpc(page, 'devices.add', { host, ports, user, password, transport: 'tcp' })
  await rpc(page, 'settings.set', { layout: 1, ptzStep: 8 })
  await page.reload()
  await goTab(page, 'home')
  await untilPlaying(page, 1)
  await view(page).getByRole('toolbar', { name: 'Camera controls' }).getByRole('button', { name: 'Move' }).click()
  await view(page).getByText(/^Moving /).waitFor()
  await installDetector(page)
  const rows = []
  let [looked, wrong] = [0, 0]
  for (let at = 0; at < tries; at += 1) {
    const [key, side] = at % 2 === 0 ? ['ArrowRight', 1] : ['ArrowLeft', -1]
    await page.evaluate(() => window.bartizanStill(6))
    wrong += await page.evaluate(() => window.bartizanFalse(8))
    looked += 8
    // Tries must not fall into step with the pictures.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 70))
    await view(page).locator('.hit').first().focus()
    await page.evaluate((to) => window.bartizanTurns(to), side)
    await page.keyboard.down(key)
    try {
      rows.push(await page.evaluate(() => window.bartizanTurned))
    } finally {
      await page.keyboard.up(key)
    }
  }
  const [tile] = await stats(page)
  return { tries: rows, looked, wrong, width: tile.width, height: tile.height, fps: tile.presentedFps }
}

const browser = await launch()
const app = await openApp(browser, { reducedMotion: 'reduce' })
try {
  const report = {}
  const [what] = positionals
  for (const brand of brands) {
    if (what === 'add') {
      const tries = []
      // The first one warms the page up, and the code of the core.
      for (let at = 0; at <= Number(values.tries ?? 5); at += 1) {
        const took = await addOnce(app.page, brand)
        if (at > 0) tries.push(took)
      }
      report[brand.personality] = { tries }
    } else if (what === 'ptz') {
      if (brand.ptz) report[brand.personality] = await turns(app.page, brand, Number(values.tries ?? 24))
    } else throw new Error('add or ptz?')
  }
  await until('all devices gone', async () => {
    const { devices } = await rpc(app.page, 'devices.list')
    for (const { id } of devices) await rpc(app.page, 'devices.delete', { id })
    return devices.length === 0
  })
  if (app.complaints.length > 0) throw new Error(`the page complained: ${app.complaints.join('; ')}`)
  console.log(JSON.stringify(report))
} finally {
  await browser.close()
}
