/**
 * What every shell answers to every command. The same list runs in the Tauri window and on the web shell; the
 * answers' fields come from the generated TypeScript, so a shell that answers otherwise fails here.
 */
import assert from 'node:assert/strict'

const fields = (...names) => (value) => {
  for (const name of names) assert.ok(name in value, `${name} is missing in ${JSON.stringify(value)}`)
}
const failsWith = (code) => ({ err: code })

export const CALLS = [
  { name: 'app.info', says: 'what runs', request: {}, ok: fields('version', 'shell', 'os', 'ephemeral', 'keyStorage') },
  { name: 'devices.list', says: 'a revision and devices', request: {}, ok: (list) => {
    fields('revision', 'devices')(list)
    assert.ok(Array.isArray(list.devices))
  } },
  { name: 'devices.probe', says: 'no address is an input error', request: {}, ...failsWith('invalidAddress') },
  { name: 'devices.probe', says: 'a port beyond 65535', request: { host: '127.0.0.1', port: 70_000 }, ...failsWith('invalidPort') },
  { name: 'devices.add', says: 'a closed port is unreachable', request: { url: 'rtsp://127.0.0.1:1/x' }, ...failsWith('unreachable') },
  { name: 'devices.add', says: 'a number where text belongs', request: { url: 7 }, ...failsWith('invalidInput') },
  { name: 'devices.update', says: 'an unknown device', request: { id: 'none', draft: {} }, ...failsWith('notFound') },
  { name: 'devices.delete', says: 'an unknown device', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'devices.restore', says: 'an unknown device', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'devices.recognise', says: 'a closed port is unreachable', request: { host: '127.0.0.1', ports: { http: 1 } }, ...failsWith('unreachable') },
  { name: 'devices.activate', says: 'a port beyond 65535', request: { host: '127.0.0.1', ports: { http: 70_000 }, password: 'x' }, ...failsWith('invalidPort') },
  { name: 'devices.details', says: 'an unknown device', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'devices.snapshot', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'search.start', says: 'a search that runs', request: { seconds: 1 }, ok: (search) => {
    fields('search', 'revision', 'running', 'found', 'troubles')(search)
    assert.equal(search.running, true)
  } },
  { name: 'search.next', says: 'an unknown search', request: { search: 'none', revision: 0 }, ...failsWith('notFound') },
  { name: 'search.stop', says: 'an unknown search is over already', request: { search: 'none', revision: 0 }, ok: () => {} },
  { name: 'qr.text', says: 'a label', request: { text: '{SN:9A0B1C2DPAZ3E4F,DT:IPC-X,SC:L2A1B2C3}' }, ok: (code) => {
    assert.deepEqual(code.corners, [])
    assert.deepEqual([code.meaning.kind, code.meaning.serial, code.meaning.model], ['label', '9A0B1C2DPAZ3E4F', 'IPC-X'])
    assert.ok(!JSON.stringify(code).includes('L2A1B2C3'), 'the safety code stays in the core')
  } },
  { name: 'qr.frame', says: 'a frame without a code', request: { width: 8, height: 8, luma: Buffer.alloc(64).toString('base64'), number: 0 }, ok: (found) => {
    assert.deepEqual(found, { codes: [] })
  } },
  { name: 'qr.frame', says: 'a frame of another size than it says', request: { width: 8, height: 9, luma: 'AAAA', number: 0 }, ...failsWith('invalidInput') },
  { name: 'qr.picture', says: 'no picture', request: { data: 'AAAA' }, ...failsWith('invalidInput') },
  { name: 'card.create', says: 'no devices', request: { devices: [] }, ...failsWith('invalidInput') },
  { name: 'card.create', says: 'an unknown device', request: { devices: ['none'] }, ...failsWith('notFound') },
  { name: 'card.read', says: 'no card', request: { texts: ['hello'] }, ...failsWith('cardUnreadable') },
  { name: 'card.add', says: 'no card', request: { texts: ['BZ1:'] }, ...failsWith('cardUnreadable') },
  { name: 'pictures.save', says: 'a name with a folder', request: { fileName: '../x.png', data: '' }, fails: ['invalidInput', 'unsupportedCommand'] },
  { name: 'control.capabilities', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'control.stop', says: 'nothing moves', request: { device: 'none', channel: 1 }, ok: () => {} },
  { name: 'control.act', says: 'an unknown device', request: { device: 'none', channel: 1, act: { kind: 'home' } }, ...failsWith('notFound') },
  { name: 'control.act', says: 'an act that does not exist', request: { device: 'none', channel: 1, act: { kind: 'dance' } }, ...failsWith('invalidInput') },
  { name: 'control.presets', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'control.imaging', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'control.setImaging', says: 'a rotation that does not exist', request: { device: 'none', channel: 1, change: { rotation: 45 } }, ...failsWith('invalidInput') },
  { name: 'control.resetImaging', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'control.switches', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'control.switch', says: 'an unknown device', request: { device: 'none', channel: 1, what: { kind: 'wipe', everyS: null } }, ...failsWith('notFound') },
  { name: 'streams.choices', says: 'a list', request: {}, ok: (list) => assert.ok(Array.isArray(list.choices)) },
  { name: 'streams.choose', says: 'an unknown device', request: { device: 'none', channel: 1, choice: 'hd' }, ...failsWith('notFound') },
  { name: 'streams.choose', says: 'a stream that does not exist', request: { device: 'none', channel: 1, choice: 'best' }, ...failsWith('invalidInput') },
  { name: 'streams.encoders', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'streams.setEncoder', says: 'nothing to change', request: { device: 'none', channel: 1, profile: 'main', change: {} }, ...failsWith('invalidInput') },
  { name: 'talk.start', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'talk.send', says: 'a call that is over', request: { talk: 'none', pcm: 'AAA=' }, ...failsWith('notFound') },
  { name: 'talk.send', says: 'what is no speech', request: { talk: 'none', pcm: '%' }, ...failsWith('invalidInput') },
  { name: 'talk.stop', says: 'nothing to end', request: { talk: 'none' }, ok: fields() },
  { name: 'record.start', says: 'an unknown device', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'record.stop', says: 'nothing is recorded', request: { device: 'none', channel: 1 }, ...failsWith('notFound') },
  { name: 'record.list', says: 'a revision and recordings', request: {}, ok: (list) => {
    fields('revision', 'recordings')(list)
    assert.deepEqual(list.recordings, [])
  } },
  { name: 'snapshot.take', says: 'an unknown device', request: { device: 'none', channel: 1, count: 1 }, ...failsWith('notFound') },
  { name: 'replay.snapshot', says: 'an unknown session', request: { session: 'none', tile: 1, device: 'none', channel: 1, fromUs: 1, count: 1 }, ...failsWith('notFound') },
  { name: 'replay.snapshot', says: 'no moment', request: { session: 'none', tile: 1, device: 'none', channel: 1, count: 1 }, ...failsWith('invalidInput') },
  { name: 'snapshot.keep', says: 'an unknown device', request: { device: 'none', channel: 1, atUs: 1, jpeg: '' }, ...failsWith('notFound') },
  { name: 'files.keepThumbnail', says: 'an unknown file', request: { id: 'none', jpeg: '' }, ...failsWith('notFound') },
  { name: 'files.keepThumbnail', says: 'no picture', request: { id: 'none' }, ...failsWith('invalidInput') },
  { name: 'snapshot.keep', says: 'no picture', request: { device: 'none', channel: 1, atUs: 1 }, ...failsWith('invalidInput') },
  { name: 'snapshot.take', says: 'a count that is no number', request: { device: 'none', channel: 1, count: 'x' }, ...failsWith('invalidInput') },
  { name: 'files.list', says: 'a revision and files', request: {}, ok: (list) => {
    fields('revision', 'files')(list)
    assert.ok(Array.isArray(list.files))
  } },
  { name: 'files.thumbnail', says: 'an unknown file', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'files.read', says: 'a name with a folder', request: { id: '../bartizan', offset: 0, length: 9 }, ...failsWith('notFound') },
  { name: 'files.export', says: 'an unknown file', request: { id: 'none', fileName: 'x.mp4' }, ...failsWith('notFound') },
  { name: 'files.delete', says: 'a name with a folder', request: { ids: ['../bartizan'] }, ...failsWith('notFound') },
  { name: 'files.restore', says: 'nothing in the trash', request: { ids: ['none'] }, ...failsWith('notFound') },
  { name: 'settings.set', says: 'a PTZ step beyond 8', request: { ptzStep: 9 }, ...failsWith('invalidInput') },
  { name: 'protection.state', says: 'how it is protected', request: {}, ok: (state) => {
    fields('offered', 'kind', 'locked', 'askAfterS', 'waitMs', 'triesLeft', 'biometrics')(state)
    assert.deepEqual([state.kind, state.locked], [null, false])
  } },
  { name: 'protection.back', says: 'an unprotected page is not asked', request: { starting: true }, ok: (state) => assert.equal(state.locked, false) },
  { name: 'protection.away', says: 'nothing to lock', request: {}, ok: (state) => assert.equal(state.locked, false) },
  { name: 'protection.lock', says: 'nothing to lock', request: {}, ok: (state) => assert.equal(state.locked, false) },
  { name: 'protection.unlock', says: 'unlocked already', request: { secret: '271828' }, ok: (state) => assert.equal(state.locked, false) },
  // Where nothing is stored there is nothing to protect.
  { name: 'protection.unlockByBiometrics', says: 'no sensor', request: { reason: 'Open', cancel: 'PIN' }, ...failsWith('unsupportedCommand') },
  { name: 'protection.unlockByBiometrics', says: 'no words', request: { reason: '', cancel: 'PIN' }, ...failsWith('invalidInput') },
  { name: 'protection.letBiometrics', says: 'no sensor', request: { secret: '271828' }, ...failsWith('unsupportedCommand') },
  { name: 'protection.forgetBiometrics', says: 'no sensor', request: {}, ...failsWith('unsupportedCommand') },
  { name: 'protection.setUp', says: 'a PIN of five digits', request: { kind: 'pin', secret: '27182' }, fails: ['invalidInput', 'unsupportedCommand'] },
  { name: 'protection.setUp', says: 'another kind', request: { kind: 'song', secret: '271828' }, ...failsWith('invalidInput') },
  { name: 'protection.change', says: 'not protected', request: { current: '271828', kind: 'pin', secret: '314159' }, ...failsWith('notFound') },
  { name: 'protection.turnOff', says: 'not protected', request: { secret: '271828' }, ...failsWith('notFound') },
  { name: 'protection.askAfter', says: 'more than an hour', request: { seconds: 3601 }, ...failsWith('invalidInput') },
  { name: 'protection.forget', says: 'nobody agreed', request: { erasePasswords: false }, ...failsWith('invalidInput') },
  { name: 'protection.forget', says: 'not protected', request: { erasePasswords: true }, ...failsWith('notFound') },
  { name: 'settings.get', says: 'all settings', request: {}, ok: fields(
    'hardDecoding', 'qualityMode', 'fluentDelayMs', 'theme', 'language', 'layout', 'ptzStep', 'wallTools', 'captureCount', 'pushDurationS', 'noiseReduction',
    'defaultPage', 'meteredPolicy', 'meteredCapMb', 'memoryPlay', 'country',
  ) },
  { name: 'settings.set', says: 'a layout that does not exist', request: { layout: 5 }, ...failsWith('invalidInput') },
  { name: 'settings.set', says: 'all settings back', request: { layout: 16 }, ok: (all) => assert.equal(all.layout, 16) },
  { name: 'settings.set', says: 'eleven pictures at once', request: { captureCount: 11 }, ...failsWith('invalidInput') },
  { name: 'settings.set', says: 'a delay that is none', request: { fluentDelayMs: 100 }, ...failsWith('invalidInput') },
  { name: 'settings.set', says: 'a country that is none', request: { country: 'Narnia' }, ...failsWith('invalidInput') },
  { name: 'favourites.list', says: 'a revision and groups', request: {}, ok: (list) => {
    fields('revision', 'favourites')(list)
    assert.ok(Array.isArray(list.favourites))
  } },
  { name: 'favourites.create', says: 'an unknown channel', request: { name: 'x', channels: [{ device: 'none', channel: 1 }], layout: 4 }, ...failsWith('notFound') },
  { name: 'favourites.create', says: 'no channels', request: { name: 'x', channels: [], layout: 4 }, ...failsWith('invalidInput') },
  { name: 'favourites.update', says: 'an unknown group', request: { id: 'none', name: 'x' }, ...failsWith('notFound') },
  { name: 'favourites.update', says: 'a wall that does not exist', request: { id: 'none', layout: 5 }, ...failsWith('invalidInput') },
  { name: 'favourites.add', says: 'an unknown group', request: { id: 'none', channels: [] }, ...failsWith('notFound') },
  { name: 'favourites.remove', says: 'an unknown group', request: { id: 'none', channels: [{ device: 'none', channel: 1 }] }, ...failsWith('notFound') },
  { name: 'favourites.order', says: 'groups that do not exist change nothing', request: { ids: ['none'] }, ok: fields('revision', 'favourites') },
  { name: 'favourites.delete', says: 'an unknown group', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'favourites.restore', says: 'an unknown group', request: { id: 'none' }, ...failsWith('notFound') },
  { name: 'pictures.keep', says: 'an unknown channel', request: { device: 'none', channel: 1, jpeg: '/9j/4AAQ' }, ...failsWith('notFound') },
  { name: 'pictures.keep', says: 'no picture', request: { device: 'none', channel: 1, jpeg: '%' }, ...failsWith('invalidInput') },
  { name: 'pictures.last', says: 'none kept', request: { channels: [{ device: 'none', channel: 1 }] }, ok: (kept) => {
    assert.deepEqual(kept, { pictures: [null] })
  } },
  { name: 'memory.get', says: 'a wall or none', request: {}, ok: fields('memory') },
  { name: 'memory.set', says: 'a wall that does not exist', request: { layout: 5, page: 0, group: null, homeLayout: null, enlarged: null, windows: [] }, ...failsWith('invalidInput') },
  { name: 'traffic.network', says: 'taken', request: { metered: false }, ok: () => {} },
  { name: 'traffic.get', says: 'the present month', request: {}, ok: (report) => {
    fields('month', 'months', 'metered', 'meteredBytes', 'devices')(report)
    assert.match(report.month, /^\d{4}-\d{2}$/)
    assert.equal(report.metered, false)
  } },
  { name: 'live.connect', says: 'an endpoint', request: {}, ok: (endpoint) => {
    fields('session', 'wsUrl', 'pollUrl')(endpoint)
    assert.match(endpoint.session, /^[0-9a-f]{32}$/)
  } },
  { name: 'live.disconnect', says: 'an unknown session is gone already', request: { session: 'none' }, ok: () => {} },
  { name: 'live.open', says: 'an unknown session', request: {
    session: 'none', tile: 1, device: 'none', channel: 1, profile: 'sub', delivery: 'encoded',
  }, ...failsWith('notFound') },
  { name: 'live.close', says: 'an unknown session', request: { session: 'none', tile: 1 }, ...failsWith('notFound') },
  { name: 'live.retry', says: 'an unknown session', request: { session: 'none', tile: 1 }, ...failsWith('notFound') },
  { name: 'live.listen', says: 'an unknown session', request: { session: 'none', tile: 1, formats: [] }, ...failsWith('notFound') },
  { name: 'live.listen', says: 'a format that does not exist', request: { session: 'none', tile: 1, formats: ['mp3'] }, ...failsWith('invalidInput') },
  { name: 'live.mute', says: 'an unknown session', request: { session: 'none', tile: 1 }, ...failsWith('notFound') },
  { name: 'live.pace', says: 'an unknown session', request: { session: 'none', tile: 1, pace: 'keys' }, ...failsWith('notFound') },
  { name: 'live.refresh', says: 'an unknown session', request: { session: 'none', tile: 1 }, ...failsWith('notFound') },
  { name: 'live.hint', says: 'taken', request: { hint: 'networkChanged' }, ok: () => {} },
  { name: 'live.stats', says: 'streams and drops', request: {}, ok: fields('streams', 'dropped') },
  { name: 'diagnostics.make', says: 'a bundle of nothing yet', request: {
    answers: true,
    page: { userAgent: 'test at 192.168.44.5', width: 390, height: 844, scale: 2, webCodecs: true, online: true, network: null, windows: [] },
  }, ok: (made) => {
    fields('fileName', 'text')(made)
    const bundle = JSON.parse(made.text)
    fields('format', 'madeAtMs', 'program', 'settings', 'devices', 'streams', 'failures', 'page', 'answers')(bundle)
    assert.equal(bundle.format, 'bartizan-diagnostics/1')
    assert.ok(!made.text.includes('192.168.44.5') && !made.text.includes('127.0.0.1'), 'addresses are pseudonyms')
    assert.ok(bundle.failures.some(({ what, code }) => what === 'devices.probe' && code === 'invalidPort'), 'it tells what failed')
  } },
  { name: 'diagnostics.make', says: 'a page that is none', request: { answers: true, page: 7 }, ...failsWith('invalidInput') },
  { name: 'no.such', says: 'an unknown command', request: {}, ...failsWith('unsupportedCommand') },
]

/** Makes one call through `rpc` and checks the whole reply. */
export async function checkCall(call, rpc) {
  const reply = await rpc(call.name, call.request)
  // What a shell may refuse for a reason of its own.
  const codes = call.fails ?? (call.err ? [call.err] : null)
  if (codes) {
    assert.deepEqual(Object.keys(reply), ['err'], JSON.stringify(reply))
    assert.ok(codes.includes(reply.err.code), JSON.stringify(reply))
    assert.equal(typeof reply.err.detail, 'string')
    assert.ok(reply.err.retryAfterMs === null || typeof reply.err.retryAfterMs === 'number')
  } else {
    assert.deepEqual(Object.keys(reply), ['ok'], JSON.stringify(reply))
    call.ok(reply.ok)
  }
}
