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
  { name: 'settings.get', says: 'all settings', request: {}, ok: fields('hardDecoding', 'theme', 'language', 'layout') },
  { name: 'settings.set', says: 'a layout that does not exist', request: { layout: 5 }, ...failsWith('invalidInput') },
  { name: 'settings.set', says: 'all settings back', request: { layout: 16 }, ok: (all) => assert.equal(all.layout, 16) },
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
  { name: 'live.hint', says: 'taken', request: { hint: 'networkChanged' }, ok: () => {} },
  { name: 'live.stats', says: 'streams and drops', request: {}, ok: fields('streams', 'dropped') },
  { name: 'no.such', says: 'an unknown command', request: {}, ...failsWith('unsupportedCommand') },
]

/** Makes one call through `rpc` and checks the whole reply. */
export async function checkCall(call, rpc) {
  const reply = await rpc(call.name, call.request)
  if (call.err) {
    assert.deepEqual(Object.keys(reply), ['err'], JSON.stringify(reply))
    assert.equal(reply.err.code, call.err, JSON.stringify(reply))
    assert.equal(typeof reply.err.detail, 'string')
    assert.ok(reply.err.retryAfterMs === null || typeof reply.err.retryAfterMs === 'number')
  } else {
    assert.deepEqual(Object.keys(reply), ['ok'], JSON.stringify(reply))
    call.ok(reply.ok)
  }
}
