/**
 * One hour ago in the real window: the web view plays what a recorder recorded, and is live again.
 * BARTIZAN_APP is the program, BARTIZAN_PROGRAMS the folder of bartizan-sim.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { OUT, PICTURE_MS, until } from './lib.mjs'
import { openProgram } from './measuring.mjs'
import { person } from './person.mjs'
import { PROGRAMS, start, stop } from './programs.mjs'

const PROGRAM = process.env.BARTIZAN_APP ?? ''
const SKIP = PROGRAM === '' || PROGRAMS === '' ? 'BARTIZAN_APP and BARTIZAN_PROGRAMS say what to test' : false

describe('one hour ago in the window', { skip: SKIP, timeout: 300_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'bartizan-replay-'))
  let site
  let unit
  let app
  let me

  const phase = () => app.run(`document.querySelector('.tile')?.dataset.phase ?? ''`)
  const presented = async () => (await app.run('window.__bartizanWall?.stats() ?? []'))[0]?.presented ?? 0
  const plays = async () => {
    const from = await presented()
    await until('ten more pictures', async () => (await phase()) === 'playing' && (await presented()) > from + 10, PICTURE_MS)
  }

  before(async () => {
    site = start('bartizan-sim', ['--site', 'brands', '--json', '--no-discovery'], {}, (line) => {
      const one = line.startsWith('{') ? JSON.parse(line) : null
      return one?.personality === 'onvif' ? one : null
    })
    unit = await site.line
    app = await openProgram(PROGRAM, { env: { BARTIZAN_DATA: data } })
    me = person(app)
    await me.shows('the app', `Boolean(document.querySelector('ion-tab-bar'))`, PICTURE_MS)
    await app.rpc('devices.add', { host: unit.host, ports: { http: unit.httpPort }, user: unit.user, password: unit.password })
    await app.run('location.reload()')
    await until('a picture', async () => (await presented()) > 0, PICTURE_MS)
  })
  after(async () => {
    await app?.close()
    if (site) await stop(site.child)
    rmSync(data, { recursive: true, force: true })
  })

  test('it plays, steps back, and is live again', async () => {
    await app.run(`document.querySelector('.tile .hit').click()`)
    const name = await until('the tool', () => app.run(`document.querySelector('[data-tool=hourAgo]:not(:disabled)')?.getAttribute('aria-label') ?? ''`), PICTURE_MS)
    assert.match(name, /^Hour ago: play what .+ recorded$/)
    await me.press(name)
    const time = () => app.run(`document.querySelector('.below .replay time')?.textContent ?? ''`)
    await until('when it was', time, PICTURE_MS)
    await plays()
    const before = await time()
    writeFileSync(`${OUT}window-replay.png`, Buffer.from(await app.screenshot(), 'base64'))
    await me.press('−5m: Back 5 minutes')
    await until('another time', async () => {
      const now = await time()
      return now !== '' && now !== before && now
    }, PICTURE_MS)
    await plays()
    await me.press(name.replace(/^Hour ago: play what (.+) recorded$/, 'Back to live: $1'))
    await until('live', async () => (await app.run(`document.querySelector('.replay') === null`)) === true, PICTURE_MS)
    await plays()
  })
})
