/**
 * Talking from the real window: WebKit's own fake microphone beeps, and the simulated camera says what it heard.
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

describe('talk in the window', { skip: SKIP, timeout: 300_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'bartizan-talk-'))
  let site
  let unit
  let app
  let me

  const heard = async () => (await fetch(`http://${unit.host}:${unit.httpPort}/simulator/heard`)).json()
  const badge = (phase) => until(`badge ${phase}`, () => app.run(`document.querySelector('[data-talk]')?.dataset.talk === '${phase}'`), PICTURE_MS)

  before(async () => {
    site = start('bartizan-sim', ['--site', 'brands', '--json', '--no-discovery'], {}, (line) => {
      const one = line.startsWith('{') ? JSON.parse(line) : null
      return one?.personality === 'dahua' ? one : null
    })
    unit = await site.line
    app = await openProgram(PROGRAM, { env: { BARTIZAN_DATA: data, BARTIZAN_FAKE_MICROPHONE: '1' } })
    me = person(app)
    await me.shows('the app', `Boolean(document.querySelector('ion-tab-bar'))`, PICTURE_MS)
    await app.rpc('devices.add', { host: unit.host, ports: { http: unit.httpPort }, user: unit.user, password: unit.password })
    await app.run('location.reload()')
    await until('a picture', async () => (await app.run('window.__bartizanWall?.stats() ?? []')).some((row) => row.presented > 0), PICTURE_MS)
  })
  after(async () => {
    await app?.close()
    if (site) await stop(site.child)
    rmSync(data, { recursive: true, force: true })
  })

  test('the camera hears the microphone until Talk is pressed again', async () => {
    await app.run(`document.querySelector('.tile .hit').click()`)
    await me.press(`Talk to ${unit.name}`)
    await badge('talking')
    await until('a beep', async () => {
      const now = await heard()
      return now.open === 1 && now.seconds > 1.5 && now.loudest > 8000
    }, PICTURE_MS)
    writeFileSync(`${OUT}window-talk.png`, Buffer.from(await app.screenshot(), 'base64'))
    await me.press(`Stop talking to ${unit.name}`)
    await until('hung up', async () => (await heard()).open === 0, PICTURE_MS)
    assert.equal((await heard()).calls, 1)
    assert.equal(await app.run(`document.querySelector('[data-talk]')`), null)
  })

  test('a window that is closed in the middle of it leaves no camera busy', async () => {
    await me.press(`Talk to ${unit.name}`)
    await badge('talking')
    await app.close()
    app = undefined
    await until('hung up', async () => (await heard()).open === 0, PICTURE_MS)
  })
})
