/** The real Tauri program in a real window: starts, shows live pictures over both carriers, and keeps its contract. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { CALLS, checkCall } from './contract.mjs'
import { OUT, PICTURE_MS, SIM_URL, until } from './lib.mjs'
import { openWindow } from './webdriver.mjs'

const PROGRAM = process.env.BARTIZAN_APP ?? ''
const SKIP = PROGRAM === '' || SIM_URL === '' ? 'BARTIZAN_APP and BARTIZAN_SIM say what to test' : false

const rpc = (app, name, request) => app.run(
  `window.__TAURI_INTERNALS__.invoke('rpc', { name: ${JSON.stringify(name)}, request: ${JSON.stringify(request)} })`,
)
const presenting = (app) => app.run(
  `window.__bartizanWall ? window.__bartizanWall.stats().filter((tile) => tile.presented > 0).length : 0`,
)

describe('the command contract', { skip: SKIP }, () => {
  let app
  before(async () => {
    app = await openWindow(PROGRAM)
    await until('the page', () => app.run(`Boolean(document.querySelector('ion-tab-bar'))`))
  })
  after(() => app?.close())

  for (const call of CALLS) {
    test(`${call.name}: ${call.says}`, async () => checkCall(call, (name, request) => rpc(app, name, request)))
  }

  test('an unlisted Tauri command is refused', async () => {
    const refused = await app.run(`window.__TAURI_INTERNALS__.invoke('plugin:fs|read_file', {}).then(() => 'done', () => 'refused')`)
    assert.equal(refused, 'refused')
  })
})

for (const carrier of ['websocket', 'poll']) {
  describe(`sixteen cameras in the window over ${carrier}`, { skip: SKIP }, () => {
    let app
    before(async () => {
      app = await openWindow(PROGRAM, {
        env: { BARTIZAN_SOURCES: `${SIM_URL}/`, ...(carrier === 'poll' ? { BARTIZAN_CARRIER: 'poll' } : {}) },
      })
    })
    after(() => app?.close())

    test('every tile presents pictures', async () => {
      await until('sixteen tiles', async () => (await presenting(app)) === 16, PICTURE_MS)
      const first = await app.run(`window.__bartizanWall.stats().map((tile) => tile.presented)`)
      await until('more pictures on every tile', async () => {
        const now = await app.run(`window.__bartizanWall.stats().map((tile) => tile.presented)`)
        return now.every((count, tile) => count > first[tile])
      }, PICTURE_MS)
    })

    test('the carrier is the one meant', async () => {
      const endpoint = (await rpc(app, 'live.connect', {})).ok
      assert.equal(endpoint.wsUrl === null, carrier === 'poll')
      await rpc(app, 'live.disconnect', { session: endpoint.session })
    })

    test('soft decoding takes over at once', async () => {
      await app.run(`window.__bartizanWall.setHardDecoding(false)`)
      await until('openh264 on every tile', () => app.run(
        `window.__bartizanWall.stats().every((tile) => tile.path === 'openh264' && tile.presented > 0)`,
      ), PICTURE_MS)
    })

    test('it looks like it should', async () => {
      writeFileSync(`${OUT}window-${carrier}.png`, Buffer.from(await app.screenshot(), 'base64'))
    })
  })
}
