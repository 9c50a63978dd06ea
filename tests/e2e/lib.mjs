/** What all end-to-end specs share: the browser, a phone, and the rule that a silent console is part of passing. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const here = new URL('.', import.meta.url)
// The packages belong to the page's project; the specs have none of their own.
const requireUi = createRequire(new URL('../../ui/package.json', here))
const { chromium, devices: profiles } = requireUi('playwright-core')
export const { AxeBuilder } = requireUi('@axe-core/playwright')

export const OUT = fileURLToPath(new URL('./out/', here))
mkdirSync(OUT, { recursive: true })

/** The address of a running web shell, token included. */
export const APP_URL = process.env.BARTIZAN_URL ?? ''
/** A simulated camera site: rtsp://user:password@host:port */
export const SIM_URL = process.env.BARTIZAN_SIM ?? ''
export const READY = APP_URL !== '' && SIM_URL !== ''

/** Pictures need a moment on a software GPU; everything else answers at once. */
export const PICTURE_MS = Number(process.env.BARTIZAN_PICTURE_MS ?? 60_000)
export const STEP_MS = Number(process.env.BARTIZAN_STEP_MS ?? 15_000)

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
]

/** `extra` are further flags of Chromium, such as those of a fake camera. */
export function launch(extra = []) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: [...FLAGS, ...extra] })
}

const PHONE = {
  viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true,
  userAgent: profiles['Pixel 7'].userAgent, locale: 'en-GB', colorScheme: 'dark',
}

/** A phone with the app open. `close()` fails the test when the page complained about anything. */
export async function openApp(browser, options = {}) {
  const context = await browser.newContext({ ...PHONE, ...options })
  context.setDefaultTimeout(STEP_MS)
  const page = await context.newPage()
  const complaints = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`))
  page.on('requestfailed', (request) => {
    // A page that is left gives up its long polls; that is no failure of anything.
    if (request.failure()?.errorText === 'net::ERR_ABORTED') return
    complaints.push(`request failed: ${new URL(request.url()).pathname} ${request.failure()?.errorText}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`status ${response.status()}: ${new URL(response.url()).pathname}`)
  })
  await page.goto(APP_URL)
  await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
  return {
    page,
    complaints,
    async close() {
      await context.close()
      assert.deepEqual(complaints, [], 'the page complained')
    },
  }
}

/** Polls until `probe` gives something true; tells the last value when it never does. */
export async function until(what, probe, timeoutMs = STEP_MS) {
  const deadline = Date.now() + timeoutMs
  let last
  for (;;) {
    last = await probe()
    if (last) return last
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms, last ${JSON.stringify(last)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Calls a command as the page does. */
export function rpc(page, name, request = {}) {
  return page.evaluate(async ([command, body]) => {
    const response = await fetch(`/rpc/${command}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-bartizan-token': sessionStorage.getItem('bartizan.token') ?? '' },
      body: JSON.stringify(body),
    })
    const reply = await response.json()
    if ('err' in reply) throw new Error(`${command}: ${reply.err.code} ${reply.err.detail}`)
    return reply.ok
  }, [name, request])
}

/** Begins from nothing: no devices, plain settings. */
export async function reset(page) {
  const { devices } = await rpc(page, 'devices.list')
  for (const { id } of devices) await rpc(page, 'devices.delete', { id })
  await rpc(page, 'settings.set', { hardDecoding: true, theme: 'dark', language: 'en', layout: 4, wallTools: [] })
  await page.reload()
  await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
}

export const stats = (page) => page.evaluate(() => window.__bartizanWall?.stats() ?? [])

/** Waits until `count` windows have shown pictures, and checks that they go on doing so. */
export async function untilPlaying(page, count) {
  const first = await until(`${count} windows playing`, async () => {
    const rows = (await stats(page)).filter((row) => row.presented > 0)
    return rows.length >= count ? rows : null
  }, PICTURE_MS)
  const total = (rows) => rows.reduce((sum, row) => sum + row.presented, 0)
  await until('pictures keep coming', async () => total(await stats(page)) > total(first), PICTURE_MS)
}

/** Ionic keeps left pages in the document; only what is on screen counts. */
export const view = (page) => page.locator('ion-content:visible').last()

/** While one page gives way to another both are there. */
const settled = (page) => until('one page', async () => (await page.locator('ion-content:visible').count()) === 1)

/** Goes to a tab: home, messages, devices or me. */
export async function goTab(page, tab) {
  await page.locator(`#tab-button-${tab}`).click()
  await page.waitForURL(`**/#/${tab}`)
  await settled(page)
}

/** Chooses how many windows the wall has, as a person does: '4 windows'. */
export async function setLayout(page, name) {
  const radio = view(page).getByRole('radio', { name, exact: true })
  if (!(await radio.isVisible())) await view(page).getByRole('button', { name: 'Windows on the wall' }).click()
  await radio.check()
}

/** Two taps in one go: as two calls of the test they would be too far apart on a busy machine. */
export async function doubleTap(page, x, y) {
  const session = await page.context().newCDPSession(page)
  const touch = (type, touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints })
  await Promise.all([
    touch('touchStart', [{ x, y }]), touch('touchEnd', []), touch('touchStart', [{ x, y }]), touch('touchEnd', []),
  ])
  await session.detach()
}

/** A finger that rests until something is picked up, goes to another place, perhaps on to a third, and is lifted there. */
export async function carry(page, from, to, { during = async () => {}, then = null, steps = 8 } = {}) {
  const session = await page.context().newCDPSession(page)
  const touch = (type, touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints })
  await touch('touchStart', [from])
  await page.locator('.layer .ghost').waitFor()
  for (let i = 1; i <= steps; i += 1) {
    await touch('touchMove', [{ x: from.x + ((to.x - from.x) * i) / steps, y: from.y + ((to.y - from.y) * i) / steps }])
  }
  await during()
  if (then !== null) await touch('touchMove', [then])
  await touch('touchEnd', [])
  await session.detach()
}

/** A finger drawn from one place to another. */
export async function drag(page, from, to, steps = 12) {
  const session = await page.context().newCDPSession(page)
  const touch = (type, touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints })
  await touch('touchStart', [from])
  for (let i = 1; i <= steps; i += 1) {
    await touch('touchMove', [{ x: from.x + ((to.x - from.x) * i) / steps, y: from.y + ((to.y - from.y) * i) / steps }])
  }
  await touch('touchEnd', [])
  await session.detach()
}

/**
 * Whether nothing fades or slides: a toast on its way in or out has the contrast of neither state. From then on
 * `window.__motion` tells whether anything has. Runs in the page.
 */
function standsStill() {
  const roots = (root) => [root, ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot === null ? [] : roots(shadowRoot)))]
  // What goes on for ever, as spinners do, is a state.
  const moves = () => roots(document).some((root) =>
    root.getAnimations().some(({ playState, effect }) => playState === 'running' && effect.getComputedTiming().endTime < Infinity))
  if (moves()) return false
  const motion = { seen: false, timer: setInterval(() => { motion.seen ||= moves() }, 50) }
  window.__motion = motion
  return true
}

/** How often a page that moved under axe is looked at again. */
const LOOKS = 4

/** What axe finds against WCAG 2.2 A and AA, and against good practice beyond it, in a page that stands still. */
export async function violations(page) {
  for (let looks = 1; ; looks += 1) {
    await until('nothing fades or slides', () => page.evaluate(standsStill))
    const found = await look(page)
    const moved = await page.evaluate(() => {
      clearInterval(window.__motion.timer)
      return window.__motion.seen
    })
    if (found.length === 0 || looks === LOOKS || !moved) return found
  }
}

async function look(page) {
  // Everything axe has; the size of targets (2.5.8) has to be asked for by name.
  const { violations: found, incomplete } = await new AxeBuilder({ page }).options({ rules: { 'target-size': { enabled: true } } }).analyze()
  const unsure = incomplete.find(({ id }) => id === 'color-contrast')?.nodes.map(({ target }) => target).filter((target) => target.length === 1) ?? []
  const faint = await page.evaluate(tooFaint, unsure.map(([selector]) => selector))
  return [...found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`), ...faint]
}

/**
 * Contrast (1.4.3) where axe gives up, which is wherever something lies over something else: every dialog and every
 * window of the wall. Runs in the page; over video the picture is taken to be white, the worst there is.
 */
function tooFaint(selectors) {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, under) => top.slice(0, 3).map((part, at) => part * top[3] + under[at] * (1 - top[3]))
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const found = []
  for (const selector of selectors) {
    const element = document.querySelector(selector)
    if (element === null) continue
    const layers = []
    for (let at = element; at !== null && at !== undefined; at = at.assignedSlot ?? at.parentNode ?? at.host) {
      if (!(at instanceof Element)) continue
      const colour = rgba(getComputedStyle(at).backgroundColor)
      if (colour[3] > 0) layers.unshift(colour)
      if (colour[3] === 1 || at.classList.contains('tile')) break
    }
    const ground = layers.reduce((under, layer) => over(layer, under), [255, 255, 255])
    const { color, fontSize, fontWeight } = getComputedStyle(element)
    const [a, b] = [light(over(rgba(color), ground)), light(ground)]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    const large = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700)
    if (contrast < (large ? 3 : 4.5)) found.push(`contrast ${contrast.toFixed(2)}: ${selector}`)
  }
  return found
}

export async function noViolations(page, where) {
  await settled(page)
  assert.deepEqual(await violations(page), [], `accessibility of ${where}`)
}

export const shoot = (page, name) => page.screenshot({ path: `${OUT}${name}.png` })

/** The simulated site in parts; 127.0.0.1 is fine, the core is on the same machine. */
export function site() {
  const url = new URL(SIM_URL.replace(/^rtsp:/, 'http:'))
  return { host: url.hostname, port: url.port || '554', user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
}
