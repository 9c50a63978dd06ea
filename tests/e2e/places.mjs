/**
 * Every page, sheet, dialog and overlay of the app, and how to get there: one list for the checks of accessibility and
 * for whoever looks at pictures of all of them.
 *
 * Places are found by address and by what the page marks (`data-tool`, classes), not by words, so that they are the same
 * in every language.
 */
import assert from 'node:assert/strict'
import { APP_URL, PICTURE_MS, SIM_URL, rpc, site, until, view } from './lib.mjs'

const BASE = APP_URL.split('?')[0]
export const LONG_NAME = 'Warehouse 12, loading ramp at the northern gate, beside the transformer'

/** Opens an address as a fresh page: no overlay and no old page stays behind. */
export async function at(page, route) {
  await page.goto(`${BASE}#${route}`)
  await page.reload()
  await quiet(page)
}

/** One page is there, and nothing moves or waits any more. */
export async function quiet(page) {
  await until('one page', async () => (await page.locator('ion-content:visible').count()) === 1)
  await until('a heading', async () => (await view(page).locator('h1, h2').count()) > 0)
  await until('nothing moves', () => page.evaluate(() => document.getAnimations()
    .every((one) => one.playState !== 'running' || one.effect?.getTiming().iterations === Infinity)))
}

/** Devices, a group, files of both kinds. `brands` are the devices of BARTIZAN_BRANDS. */
export async function furnish(page, brands) {
  const { host, port, user, password } = site()
  const add = (request) => rpc(page, 'devices.add', { transport: 'tcp', ...request })
  const wall = await add({ host, port: Number(port), user, password, name: 'Site', family: 'rtsp' })
  const long = await add({ url: `${SIM_URL}/ch2/main`, name: LONG_NAME })
  const controlled = []
  for (const brand of brands.filter((one) => one.activated)) {
    const { host: address, httpPort, user: name, password: secret, personality, ptz } = brand
    controlled.push({ ...await add({ host: address, ports: { http: httpPort }, user: name, password: secret }), personality, ptz })
  }
  const channels = wall.channels.map(({ number }) => ({ device: wall.id, channel: number }))
  const group = await rpc(page, 'favourites.create', { name: 'Yard', channels: channels.slice(0, 4), layout: 4 })
  await rpc(page, 'favourites.create', { name: LONG_NAME.slice(0, 64), channels: [{ device: long.id, channel: long.channels[0].number }], layout: 1 })
  return { wall, long, controlled, group, channels, movie: await recorded(page, channels[0]) }
}

/** A snapshot and a short recording of this channel; gives the recording. */
async function recorded(page, channel) {
  const movies = async () => (await rpc(page, 'files.list')).files.filter(({ kind }) => kind === 'recording').map(({ id }) => id)
  const before = await movies()
  await rpc(page, 'snapshot.take', { ...channel, count: 1 })
  await rpc(page, 'record.start', channel)
  await until('two seconds recorded', async () => (await rpc(page, 'record.list')).recordings[0]?.elapsedMs > 2000, PICTURE_MS)
  // A disk that is slow to finish the file says so, and finishes it.
  await rpc(page, 'record.stop', channel).catch((error) => assert.match(error.message, /storage/))
  return until('a finished recording', async () => (await movies()).find((id) => !before.includes(id)), PICTURE_MS)
}

const sheet = (page) => page.locator('ion-modal:visible, ion-action-sheet:visible, ion-alert:visible, dialog[open]').first()
const press = (page, selector, nth = 0) => view(page).locator(selector).nth(nth).click()

/** The wall with its settings, as soon as there is a picture. */
async function wall(page, layout, playing = true) {
  await rpc(page, 'settings.set', { layout })
  await at(page, '/home')
  if (playing) await page.locator('.tile[data-phase=playing]').first().waitFor({ timeout: PICTURE_MS })
}

/**
 * A tool under the wall, pressed wherever it is: on a phone on its side the tools step back after some seconds. Some
 * are enabled a moment after a window was selected, and a button that is not takes no click.
 */
const tool = (page, id) => ({ click: () => view(page).locator(`[data-tool=${id}]:enabled`).dispatchEvent('click') })

/** One window, turned to the first camera of this device. */
async function alone(page, device) {
  await wall(page, 1)
  const { devices } = await rpc(page, 'devices.list')
  const channels = devices.flatMap((one) => one.channels.map(() => one.id))
  await page.evaluate((n) => window.__bartizanWall.setPage(n), channels.indexOf(device.id))
  await until('the panels of this camera', async () => (await view(page).locator('.dock .tab').count()) === 4, PICTURE_MS)
}

const overlay = (name, open) => ({
  name,
  async open(page, world) {
    await open(page, world)
    await sheet(page).waitFor()
    await quiet(page)
  },
})
const route = (path, name = path, then = async () => {}) => ({
  name,
  async open(page, world) {
    await at(page, typeof path === 'function' ? path(world) : path)
    await then(page, world)
    await quiet(page)
  },
})

/** With nothing in the app. */
export const EMPTY = [
  '/home', '/messages', '/devices', '/me', '/favourites', '/favourites/new', '/files', '/me/traffic', '/devices/card', '/device/none', '/favourites/none',
].map((path) => route(path, `${path} without devices`))

const TOPICS = [
  'ways', 'reach', 'password', 'limits', 'activate', 'connect', 'ports', 'multi', 'lag', 'control', 'talk', 'record', 'files', 'favourites', 'playback',
  'messages', 'settings', 'privacy',
]
/** Failures with every kind of cure and check. */
const CODES = ['unreachable', 'wrongPassword', 'locked', 'tooManySessions', 'decoderFailed']

/** Pages, by their address. */
export const PAGES = [
  ...['/messages', '/devices', '/me', '/device/add', '/device/add/search', '/device/add/address', '/device/add/card'].map((path) => route(path)),
  route('/device/add/scan', 'scanning without a camera', (page) => until('an answer', async () => (await view(page).locator('.button').count()) > 0)),
  route('/device/add/login', 'login after a reload'),
  route('/device/add/many', 'adding many after a reload'),
  route('/device/add/address', 'an address with more fields and faults', async (page) => {
    await press(page, 'summary, [aria-expanded]')
    await press(page, 'form .button')
  }),
  route('/device/add/address', 'a device that does not answer', async (page) => {
    await view(page).locator('input').first().fill('rtsp://127.0.0.1:1/x')
    await press(page, 'form .button')
    await view(page).locator('input[type=password]').waitFor()
    await press(page, 'form .button')
    await view(page).locator('[data-code]').waitFor({ timeout: PICTURE_MS })
  }),
  route('/device/add/search', 'a search that ended', (page) => view(page).locator('.found, .blank').first().waitFor({ timeout: PICTURE_MS })),
  route('/devices/card'),
  route('/help'),
  ...TOPICS.map((topic) => route(`/help/${topic}`)),
  ...CODES.map((code) => route(({ wall: { id } }) => `/help/failure/${code}?device=${id}&channel=1`, `/help/failure/${code}`)),
  route('/help', 'a search of the help', async (page) => { await view(page).locator('input').first().fill('H.26') }),
  route('/help', 'a search without a hit', async (page) => { await view(page).locator('input').first().fill('xylophone') }),
  route('/protection'),
  route('/protection', 'protection with faults', async (page) => {
    const fields = view(page).locator('input[type=password]')
    await fields.nth(0).fill('1234')
    await fields.nth(1).fill('1235')
    await press(page, '.button:not(.quiet)')
  }),
  route('/files'),
  route('/files', 'files that are chosen', async (page) => {
    await press(page, 'button.text')
    await press(page, '[data-file]')
  }),
  route('/files', 'a snapshot in full', async (page) => {
    await view(page).locator('input[type=radio]').nth(1).check()
    await press(page, '[data-file]')
    await page.locator('.viewer img').waitFor({ timeout: PICTURE_MS })
  }),
  route(({ movie }) => `/files/${movie}`, 'the player, paused', async (page) => {
    await until('a picture', () => page.evaluate(() => (window.__bartizanPlayer?.presented ?? 0) > 0), PICTURE_MS)
    await page.evaluate(() => window.__bartizanPlayer.pause())
  }),
  route('/files/none', 'the player without its file', (page) => view(page).locator('.player [role=alert], .player .button').first().waitFor()),
  route('/feedback'),
  route('/feedback', 'a diagnostics file', async (page) => {
    await press(page, '.button')
    await view(page).locator('pre').waitFor({ timeout: PICTURE_MS })
  }),
  route('/about'),
  route('/about/licences'),
  route(({ long }) => `/device/${long.id}`, 'editing a device'),
  route(({ controlled, long }) => `/device/${(controlled[0] ?? long).id}/about`, 'the page of a device'),
  route(({ controlled, long }) => `/device/${(controlled[0] ?? long).id}/domain`, 'the domain of a device'),
  route('/favourites'),
  route(({ group }) => `/favourites/${group.id}`, 'a group'),
  route(({ group }) => `/favourites/${group.id}/add`, 'cameras for a group'),
  route('/favourites/new'),
  route('/favourites/new', 'the name of a new group', async (page) => {
    await view(page).locator('input[type=checkbox]').first().check()
    await press(page, '.button:not(.quiet)')
  }),
  route('/me/traffic'),
  route('/me/country'),
  overlay('the menu of a device', async (page) => {
    await at(page, '/devices')
    await press(page, 'ion-item-sliding .icon-button')
  }),
  overlay('the menu of a group', async (page) => {
    await at(page, '/favourites')
    await press(page, 'ion-item-sliding .icon-button')
  }),
  overlay('logging out', async (page) => {
    await at(page, '/me')
    await view(page).locator('button.way, button.row').last().click()
  }),
]

/** The wall and all that lies over it. */
export const WALL = [
  ...[1, 4, 9, 16].map((n) => ({ name: `the wall with ${n} windows`, open: (page) => wall(page, n) })),
  {
    name: 'the choice of layouts',
    async open(page) {
      await wall(page, 4)
      await tool(page, 'layout').click()
    },
  },
  overlay('the picker of cameras', async (page) => {
    await wall(page, 4)
    await tool(page, 'cameras').click()
  }),
  overlay('the order of the tools', async (page) => {
    await wall(page, 4)
    await tool(page, 'order').click()
  }),
  overlay('the menu of a window', async (page) => {
    await wall(page, 4)
    await page.locator('.hit').first().focus()
    await page.locator('.hit').first().press('Space')
    await page.locator('.hit').first().press('o')
  }),
  overlay('where to move', async (page) => {
    await wall(page, 4)
    await page.locator('.hit').first().focus()
    await page.locator('.hit').first().press('Space')
    await tool(page, 'move').click()
  }),
  {
    name: 'an enlarged and zoomed window',
    async open(page) {
      await wall(page, 4)
      await page.locator('.hit').first().press('Enter')
      await page.locator('.hit').first().press('+')
      await page.locator('.hit').first().press('+')
      await quiet(page)
    },
  },
  {
    name: 'windows that failed, one selected',
    async open(page) {
      await page.route('**/rpc/live.open', (request) => request.fulfill({
        json: { err: { code: 'tooManySessions', detail: 'test', retryAfterMs: null, triesLeft: null } },
      }))
      await wall(page, 4, false)
      await page.locator('.tile[data-phase=failed], .tile[data-phase=backoff]').first().waitFor({ timeout: PICTURE_MS })
      await page.locator('.hit').first().press('Space')
      await page.unroute('**/rpc/live.open')
    },
  },
  {
    name: 'empty windows and a message',
    async open(page) {
      await wall(page, 4)
      await tool(page, 'closeAll').click()
      await page.locator('ion-toast').waitFor()
      await quiet(page)
    },
  },
  {
    name: 'recording',
    async open(page) {
      await wall(page, 4)
      await page.locator('.hit').first().press('Space')
      await tool(page, 'record').click()
      await page.locator('.recording').first().waitFor()
    },
    /** What goes on behind the page must not go on through the other places. */
    leave: (page, { wall: { id } }) => rpc(page, 'record.stop', { device: id, channel: 1 }),
  },
  ...['view', 'picture'].map((panel, nth) => ({
    name: `the panel ${panel} on the wall`,
    async open(page) {
      await wall(page, 4)
      await page.locator('.hit').first().press('Enter')
      const tabs = view(page).locator('.dock .tab')
      await until('the panels', async () => (await tabs.count()) >= 2)
      await tabs.nth((await tabs.count()) === 4 ? nth + 1 : nth).click()
      await view(page).locator('.dock .panel').waitFor()
    },
  })),
]

/** A window that plays what its device recorded, and one whose device has no more; only where there are such devices. */
export const REPLAYS = [
  {
    name: 'an hour ago',
    async open(page, world) {
      await alone(page, world.controlled.find((one) => one.personality === 'isapi'))
      await page.locator('.hit').first().press('Space')
      await tool(page, 'hourAgo').click()
      await page.locator('[data-phase=playing] [data-replay]:not(.waiting)').first().waitFor({ timeout: PICTURE_MS })
    },
  },
  {
    name: 'the end of what a device recorded',
    async open(page, world) {
      await page.route('**/rpc/replay.open', (request) => request.fulfill({
        json: { err: { code: 'nothingRecorded', detail: 'test', retryAfterMs: null, triesLeft: null } },
      }))
      await alone(page, world.controlled.find((one) => one.personality === 'isapi'))
      await page.locator('.hit').first().press('Space')
      await tool(page, 'hourAgo').click()
      await page.locator('.below [data-code=nothingRecorded]').waitFor({ timeout: PICTURE_MS })
      await page.unroute('**/rpc/replay.open')
    },
  },
]

/** The panels of one camera that can do everything; only where there is one. */
export const PANELS = ['move', 'view', 'picture', 'switches'].map((panel, nth) => ({
  name: `the panel ${panel}`,
  async open(page, world) {
    await alone(page, world.controlled.find((one) => one.personality === 'dahua'))
    await press(page, '.dock .tab', nth)
    await view(page).locator('.dock .panel').waitFor()
    await until('the answer of the camera', async () => (await view(page).locator('.dock [aria-busy=true], .dock ion-spinner').count()) === 0, PICTURE_MS)
  },
}))
