/**
 * The complete wall in the real window, as a person with mouse and keyboard meets it, with the app's own files and restarts.
 * BARTIZAN_APP is the program, BARTIZAN_SIM a simulated site, BARTIZAN_PROGRAMS the folder of bartizan-sim.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { chartInPage, near, seenInPage } from './chart.mjs'
import { OUT, PICTURE_MS, SIM_URL, site, until } from './lib.mjs'
import { openProgram } from './measuring.mjs'
import { person } from './person.mjs'
import { start, stop } from './programs.mjs'

const PROGRAM = process.env.BARTIZAN_APP ?? ''
const SKIP = PROGRAM === '' || SIM_URL === '' ? 'BARTIZAN_APP and BARTIZAN_SIM say what to test' : false
const NAMES = ['Front gate', 'Loading dock', 'Parking north', 'Garden']
const PIN = '271828'

describe('the complete wall in the window', { skip: SKIP, timeout: 900_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'bartizan-walk-'))
  /** Everything that outlives a process is here: data, and the folder of pictures. */
  const env = { BARTIZAN_DATA: join(data, 'profile'), XDG_CONFIG_HOME: join(data, 'config') }
  let app
  let me
  let device

  async function open() {
    app = await openProgram(PROGRAM, { env })
    me = person(app)
    await me.shows('the app', `Boolean(document.querySelector('ion-tab-bar, dialog.lock[open]'))`, PICTURE_MS)
    await watchErrors()
  }
  const watchErrors = () => app.run(`(() => {
    window.__complaints = []
    addEventListener('error', (event) => window.__complaints.push(String(event.message)))
    addEventListener('unhandledrejection', (event) => window.__complaints.push(String(event.reason)))
  })()`)
  // "ResizeObserver loop …" is the engine's word for "the rest of it in the next frame", which loses nothing.
  const complaints = async () => (await app.run('window.__complaints ?? []')).filter((text) => !text.startsWith('ResizeObserver loop'))
  async function close() {
    const said = await complaints()
    await app.close()
    assert.deepEqual(said, [], 'the page complained')
  }
  async function restart() {
    await close()
    await open()
  }
  const rpc = (name, request) => app.rpc(name, request)
  const stats = () => app.run('window.__bartizanWall?.stats() ?? []')
  const first = async () => (await stats()).find((row) => row.index === 0)
  const playing = (count) => until(`${count} windows playing`, async () => (await stats()).filter((row) => row.presented > 0).length >= count, PICTURE_MS)
  const tiles = () => app.run(`document.querySelectorAll('.tile').length`)
  /** Who is in the windows on screen; '+' is an empty one. */
  const shown = () => app.run(`[...document.querySelectorAll('.tile')].map((one) => [Number(one.dataset.index), one.querySelector('.name')?.textContent ?? '+'])
    .sort(([a], [b]) => a - b).map(([, name]) => name)`)
  const shows = (...names) => until(names.join(', '), async () => JSON.stringify(await shown()) === JSON.stringify(names))
  const phase = (index) => app.run(`document.querySelector('.tile[data-index="${index}"]')?.dataset.phase`)
  const centre = (index) => app.run(`(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(document.querySelector('.tile[data-index="${index}"]').getBoundingClientRect())`)
  const focusWall = () => app.run(`document.querySelector('.tile .hit[tabindex="0"]').focus()`)
  const gone = () => until('no overlay', () => app.run(`document.querySelectorAll('ion-modal.show-modal, ion-action-sheet:not(.overlay-hidden), ion-alert:not(.overlay-hidden)').length === 0`))
  const layout = async (count) => {
    const name = count === 1 ? '1 window' : `${count} windows`
    if ((await me.find('radio', name)) === null) await me.press('Windows on the wall')
    await me.choose(name)
    await until(`stored: ${name}`, async () => (await rpc('settings.get')).layout === count)
    await until(name, async () => (await tiles()) === count)
  }
  const sees = async (at, wanted, what, far) => {
    const [got] = await me.inPage(seenInPage, [0, [at]])
    assert.ok(near(got, wanted, far), `${what}: at ${at} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
  }
  const home = () => until('home', async () => (await app.run('location.hash')) === '#/home' && (await tiles()) > 0)
  const shoot = async (name) => writeFileSync(`${OUT}walk-${name}.png`, Buffer.from(await app.screenshot(), 'base64'))
  const at = (path) => until(path, async () => (await app.run('location.hash')).startsWith(`#${path}`))
  /** By the button of the page; a changed address is nobody's way in a window. */
  const back = async (path) => {
    await me.press('Back')
    await at(path)
  }
  const go = async (name, path) => {
    await me.follow(name)
    await at(path)
  }

  before(async () => {
    await open()
    const { host, port, user, password } = site()
    await rpc('settings.set', { language: 'en', theme: 'dark', layout: 4, captureCount: 2, memoryPlay: false })
    device = await rpc('devices.add', { host, port: Number(port), user, password, name: 'Site', transport: 'tcp', family: 'rtsp' })
    await restart()
  })
  // The last look of every test, so that a failure in CI can be seen; a program that does not answer holds up nothing.
  afterEach((context) => Promise.race([
    shoot(`end-${context.name.slice(0, 24).replace(/\W+/g, '-')}`).catch(() => undefined), new Promise((resolve) => { setTimeout(resolve, 10_000).unref() }),
  ]))
  after(async () => {
    await app?.close()
    rmSync(data, { recursive: true, force: true })
  })

  test('has every layout from one window to sixteen, and pages by key', async () => {
    await shows(...NAMES)
    for (const n of [1, 2, 6, 8, 9, 12, 16]) {
      await layout(n)
    }
    await playing(16)
    await shoot('sixteen')
    await layout(4)
    await focusWall()
    await app.keys('PageDown')
    await until('the second page', async () => (await shown())[0] === 'Main street')
    await focusWall()
    await app.keys('PageUp')
    await shows(...NAMES)
  })

  test('closes all, adds to an empty window, starts several at once, pauses and plays on', async () => {
    await me.press('Close all')
    await shows('+', '+', '+', '+')
    await until('no stream is watched', async () => (await rpc('live.stats')).streams.every((one) => one.viewers === 0))
    await me.press('Add a camera to window 3')
    await me.fill('Find a camera', 'gard')
    await me.press(/^Garden/)
    await gone()
    await shows('+', '+', 'Garden', '+')
    await until('it plays', async () => (await phase(2)) === 'playing', PICTURE_MS)
    await me.press(/^Cameras/)
    for (const name of [/^Front gate/, /^Loading dock/, /^Garden/]) await me.tick(name)
    await me.press('Start live preview')
    await gone()
    await shows('Front gate', 'Loading dock', 'Garden', '+')
    await playing(3)
    await me.press('Pause all windows')
    await until('paused', async () => (await phase(0)) === 'paused')
    await me.press('Play all windows')
    await until('playing', async () => (await phase(0)) === 'playing', PICTURE_MS)
  })

  test('moves and closes windows by key, gives them back, and fills the screen', async () => {
    await focusWall()
    await app.keys('Shift', 'ArrowRight')
    await shows('Loading dock', 'Front gate', 'Garden', '+')
    await app.keys('Delete')
    await shows('Loading dock', '+', 'Garden', '+')
    await me.press('Undo')
    await shows('Loading dock', 'Front gate', 'Garden', '+')
    await me.press('Full screen')
    await until('the wall floats', () => app.run(`document.querySelector('.wall.floating') !== null`))
    // The bars step back; a click on the wall brings them.
    await app.drag([await centre(2)])
    await me.press('Leave full screen')
    await until('it does not', () => app.run(`document.querySelector('.wall.floating') === null`))
  })

  test('enlarges by key and by button with the main stream, and comes back', async () => {
    const small = (await first()).width
    await app.run('window.__bartizanWall.select(0)')
    await focusWall()
    await app.keys('Enter')
    await until('one window', async () => (await tiles()) === 1)
    await until('the main stream', async () => (await first())?.width > small, PICTURE_MS)
    await focusWall()
    await app.keys('Escape')
    await until('all windows', async () => (await tiles()) === 4)
    await me.press('Enlarge')
    await until('one window again', async () => (await tiles()) === 1)
    await me.press('Show all windows')
    await until('all windows again', async () => (await tiles()) === 4)
  })

  test('zooms to eight times by key and button, from the main stream, and pans to the edge', async () => {
    await layout(1)
    await focusWall()
    await app.keys('+')
    await until('the main stream', async () => (await first())?.width === 1280, PICTURE_MS)
    await app.keys('0')
    const zoom = () => app.run('window.__bartizanWall.zoomOf(0)')
    await me.inPage(chartInPage, [0, 1280, 720])
    await sees([0.25, 0.25], [0.25, 0.25], 'all of it')
    await focusWall()
    for (let n = 0; n < 4; n += 1) await app.keys('+')
    assert.ok(Math.abs(await zoom() - 1.25 ** 4) < 0.01, `zoom ${await zoom()}`)
    await app.keys('ArrowRight')
    await sees([0.5, 0.5], [0.5 + 0.125 / 1.25 ** 4, 0.5], 'a step to the right')
    for (let n = 0; n < 10; n += 1) await app.keys('+')
    assert.equal(await zoom(), 8)
    await app.run('Array.from({ length: 40 }, () => window.__bartizanWall.panBy(0, 1, 0)).length')
    await sees([0.97, 0.5], [1 - 0.03 / 8, (await me.inPage(seenInPage, [0, [[0.97, 0.5]]]))[0][1]], 'the right edge')
    await shoot('zoomed')
    await app.keys('Escape')
    assert.equal(await zoom(), 1)
    await me.press('View')
    await me.press('Closer')
    await me.press('Closer')
    await me.press('Look down')
    await sees([0.5, 0.5], [0.5, 0.5 + 0.125 / 1.25 ** 2], 'a step down')
    await me.press('All of the picture')
    assert.equal(await zoom(), 1)
  })

  test('mirrors, turns and straightens, and keeps it over a restart', async () => {
    // A start without memory play begins in the order of the devices, so the first window has the same camera after the next.
    await restart()
    await layout(1)
    await playing(1)
    await me.inPage(chartInPage, [0, 1280, 720])
    await me.press('Picture')
    const point = [0.2, 0.3]
    for (const [name, wanted] of [
      ['Mirror', [0.8, 0.3]], ['Upside down', [0.8, 0.7]], ['Mirror', [0.2, 0.7]], ['Upside down', [0.2, 0.3]], ['180°', [0.8, 0.7]], ['180°', [0.2, 0.3]],
      ['90° right', [0.3, 0.8]],
    ]) {
      await me.press(name)
      await sees(point, wanted, name)
    }
    await shoot('turned')
    await until('kept', async () => (await rpc('looks.list')).looks.some(({ look }) => JSON.parse(look ?? '{}').turn === 90))
    await restart()
    await playing(1)
    // The first pictures of a start may still be on their way through the decoder and come after the chart.
    await until('turned still', async () => {
      await me.inPage(chartInPage, [0, 1280, 720])
      const [got] = await me.inPage(seenInPage, [0, [point]])
      return near(got, [0.3, 0.8])
    })
    await me.press('Picture')
    await me.press('Defaults')
    await sees(point, point, 'plain again')
    await me.press('View')
    await me.inPage(chartInPage, [0, 960, 720])
    await me.choose('Ceiling')
    // Straight ahead at the horizon is the circle's top; a quarter to the right its right.
    await sees([0.5, 0.03], [0.5, 0.02], 'ahead', 0.06)
    await sees([0.75, 0.03], [0.5 + 0.375 * 0.97, 0.5], 'to the right', 0.06)
    await me.choose('Off')
    await sees([0.25, 0.25], [0.25, 0.25], 'as it came')
    await me.press('View')
  })

  test('records and takes snapshots; ffprobe finds nothing wrong with the files', async () => {
    await app.run('window.__bartizanWall.select(0)')
    await me.press(/^Record/)
    await until('three seconds', async () => (await rpc('record.list')).recordings[0]?.elapsedMs > 3000, PICTURE_MS)
    await until('its duration in the window', () => app.run(`/0:0[1-9]|0:[1-9]/.test(document.querySelector('.tile[data-index="0"]').innerText)`))
    await me.press(/^Stop/)
    const movie = await until('a finished file', async () => (await rpc('files.list')).files.find((one) => one.durationMs > 2000), PICTURE_MS)
    await me.press(/^Snapshot/)
    const pictures = await until('two pictures', async () => {
      const all = (await rpc('files.list')).files.filter((one) => one.kind === 'snapshot')
      return all.length === 2 ? all : null
    }, PICTURE_MS)
    const onDisk = readdirSync(data, { recursive: true }).map((name) => join(data, name))
    const probe = (ending) => onDisk.filter((path) => path.endsWith(ending)).map((path) => {
      const told = execFileSync('ffprobe', ['-v', 'error', '-count_frames', '-show_entries', 'stream=codec_name,width,height,nb_read_frames', '-of', 'json', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
      return JSON.parse(told).streams.find((one) => one.width !== undefined)
    })
    const [recorded, ...more] = probe('.mp4')
    assert.deepEqual([more.length, recorded.codec_name, recorded.width, recorded.height], [0, 'h264', 1280, 720])
    assert.ok(Number(recorded.nb_read_frames) >= 2 * 25, `${recorded.nb_read_frames} pictures in ${movie.durationMs} ms`)
    const large = probe('.jpg').filter((one) => one.width === 1280)
    assert.deepEqual(large.map((one) => [one.codec_name, one.height]), [['mjpeg', 720], ['mjpeg', 720]])
    assert.deepEqual(pictures.map((one) => [one.width, one.height]), [[1280, 720], [1280, 720]])
  })

  test('shows the files in a grid, deletes one and takes it back', async () => {
    await me.press(/^Files/)
    const [movie] = (await rpc('files.list')).files.filter((one) => one.kind === 'recording')
    const entry = (id) => app.run(`document.querySelector('[data-file="${id}"]') !== null`)
    await until('the recording', () => entry(movie.id))
    await until('its thumbnail', () => app.run(`Boolean(document.querySelector('[data-file="${movie.id}"] img')?.naturalWidth)`))
    await shoot('files')
    await me.press('Choose')
    await app.click(await app.run(`document.querySelector('[data-file="${movie.id}"]')`))
    await me.press('Delete')
    await until('it is gone', async () => !(await entry(movie.id)))
    await me.press('Undo')
    await until('it is back', () => entry(movie.id))
    await me.press('Back')
    await home()
  })

  test('makes a favourite group whose wall has its own layout', async () => {
    await layout(4)
    await me.press('New group')
    await me.tick(/Garden/)
    await me.tick(/Front gate/)
    await me.press('Next')
    await me.fill('Name of the group', 'Yard')
    await me.press('Save')
    await until('the wall of the group', async () => (await app.run('location.hash')) === '#/home' && (await tiles()) === 2)
    assert.deepEqual((await shown()).sort(), ['Front gate', 'Garden'])
    await playing(2)
    await layout(6)
    await until('the layout is the group’s', async () => (await rpc('favourites.list')).favourites[0].layout === 6)
    await me.press('All cameras')
    await until('all cameras', async () => (await tiles()) === 4)
    await me.press('Watch Yard')
    await until('the group again', async () => (await tiles()) === 6)
    await shoot('favourite')
    await me.press('All cameras')
    await until('all cameras again', async () => (await tiles()) === 4)
    await me.press('Manage favourites')
    await me.press('More for Yard')
    await me.press('Delete')
    await until('no group', async () => (await rpc('favourites.list')).favourites.length === 0)
    await me.press('Undo')
    await until('one group', async () => (await rpc('favourites.list')).favourites.length === 1)
    await me.press('Back')
    await home()
  })

  test('a window whose device is away says so, leads to help, and plays again by itself', async () => {
    const own = start('bartizan-sim', ['--port', '0', '--channels', '1', '--source', 'clip'], {}, (text) => /rtsp:\/\/([^/\s]+)/.exec(text)?.[1])
    const address = await own.line
    let again = null
    try {
      const one = await rpc('devices.add', { url: `rtsp://admin:bartizan1@${address}/ch1/main`, name: 'Shed', transport: 'tcp' })
      const group = await rpc('favourites.create', { name: 'Shed', channels: [{ device: one.id, channel: one.channels[0].number }], layout: 1 })
      await restart()
      await me.press('Watch Shed')
      await until('it plays', async () => (await shown()).join() === 'Shed' && (await phase(0)) === 'playing', PICTURE_MS)
      await stop(own.child)
      await until('it says so', async () => ['failed', 'backoff'].includes(await phase(0)), PICTURE_MS)
      await app.run('window.__bartizanWall.select(0)')
      await me.follow('Help')
      await me.text('Why is there no picture?')
      await me.text('For Shed')
      await shoot('help')
      again = start('bartizan-sim', ['--port', address.split(':')[1], '--channels', '1', '--source', 'clip'], {}, (text) => /rtsp:/.test(text))
      await again.line
      await back('/home')
      await until('it plays again', async () => (await phase(0)) === 'playing', PICTURE_MS)
      await me.press('All cameras')
      await rpc('favourites.delete', { id: group.id })
      await rpc('devices.delete', { id: one.id })
    } finally {
      for (const sim of [own, again]) if (sim !== null) await stop(sim.child)
    }
    await restart()
  })

  test('help is searched, feedback holds no secret, and about names licences', async () => {
    await me.tab('me')
    await go('Help', '/help')
    const search = await until('its field', () => app.run(`[...document.querySelectorAll('[type=search]')].find((one) => one.getClientRects().length > 0) ?? null`))
    await app.type(search, 'account locked')
    await me.follow(/The account is locked/)
    await me.text('Wait: most devices open after')
    await back('/help')
    await back('/me')
    await go('Send feedback', '/feedback')
    await me.press('Make the file')
    const text = await until('the file', () => app.run(`[...document.querySelectorAll('pre')].find((one) => one.getClientRects().length > 0)?.textContent ?? null`), PICTURE_MS)
    assert.equal(JSON.parse(text).format, 'bartizan-diagnostics/1')
    for (const secret of [site().password, 'Site"']) assert.ok(!text.includes(secret), `${secret} is in the file`)
    await back('/me')
    await go('About Bartizan', '/about')
    await me.text('Telemetry: none.')
    await me.follow('Licences of others')
    await until('their names', () => app.run(`document.querySelectorAll('details').length > 100`), PICTURE_MS)
    await back('/about')
    await back('/me')
  })

  test('keeps the settings of Me, and brings the wall back after a restart', async () => {
    await me.tab('me')
    await me.text('Memory play')
    const slide = async (name, keys) => {
      const field = await until(name, () => me.find('field', new RegExp(`^${name}`)))
      await app.type(field, keys)
    }
    // To the right by one step each.
    await slide('PTZ speed', '\uE014\uE014')
    await slide('Noise reduction', '\uE014')
    await me.flip(/^Memory play/)
    await until('kept', async () => {
      const { ptzStep, noiseReduction, memoryPlay } = await rpc('settings.get')
      return ptzStep === 7 && noiseReduction === 3 && memoryPlay
    })
    await me.choose('简体中文')
    await me.text('记忆播放')
    await shoot('me-zh')
    await me.choose('English')
    await me.text('Memory play')
    await me.tab('home')
    await me.press('Watch Yard')
    await until('the group', async () => (await tiles()) === 6)
    const [yard] = (await rpc('favourites.list')).favourites
    // What was remembered before may be another group, gone since.
    await until('it is remembered', async () => (await rpc('memory.get')).memory?.group === yard.id)
    await restart()
    await until('the group is back', async () => (await tiles()) === 6 && (await shown()).filter((name) => name !== '+').sort().join() === 'Front gate,Garden', PICTURE_MS)
    await playing(2)
    assert.equal((await rpc('settings.get')).ptzStep, 7)
  })

  test('asks for the PIN after a restart, opens with it, and asks nobody once it is off', async () => {
    await me.tab('me')
    await go(/^Protection/, '/protection')
    await me.fill('New PIN', PIN)
    await me.fill('New PIN again', PIN)
    await me.press('Turn protection on')
    await until('on', async () => (await rpc('protection.state')).kind === 'pin')
    await restart()
    const locked = () => app.run(`document.querySelector('dialog.lock[open]') !== null`)
    await until('the lock', locked)
    await assert.rejects(rpc('devices.list'), /appLocked/)
    const enter = async (pin) => {
      for (const digit of pin) await me.press(digit)
      await me.press('Unlock')
    }
    await enter('000000')
    await until('a try less', () => app.run(`document.querySelector('dialog.lock[open]')?.innerText.includes('4 tries left')`))
    await shoot('lock')
    await enter(PIN)
    await until('it opens', async () => !(await locked()))
    await playing(2)
    assert.deepEqual((await rpc('devices.list')).devices.map(({ id }) => id), [device.id])
    await me.tab('me')
    await go(/^Protection/, '/protection')
    await me.press('Turn protection off')
    await me.fill('Present PIN', PIN)
    await app.keys('Enter')
    await until('off', async () => (await rpc('protection.state')).kind === null)
    await restart()
    await playing(2)
    assert.equal(await locked(), false)
  })

  test('the page complained of nothing', async () => {
    assert.deepEqual(await complaints(), [])
  })
})
