// npm's onvif against a simulated unit. Arguments: node_modules, host, port, user, password, endpoint or "-".
// Prints one line of JSON.
import { createRequire } from 'node:module'
import { createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const [modules, hostname, port, username, password, endpoint] = process.argv.slice(2)
const onvif = createRequire(`${modules}/`)('onvif')
const seen = {}

const fail = (error) => {
  console.error(error)
  process.exit(1)
}
process.on('unhandledRejection', fail)
process.on('uncaughtException', fail)

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const check = (holds, ...what) => {
  if (!holds) throw new Error(`check failed: ${JSON.stringify(what)}`)
}

if (endpoint !== '-') {
  const found = await new Promise((resolve) => {
    // Other sockets of this machine may answer strangely; only the wanted one counts.
    onvif.Discovery.on('error', () => {})
    onvif.Discovery.probe({ device: 'lo', timeout: 3000, resolve: false }, (_, answers) => resolve(answers))
  })
  const matches = found.map((answer) => answer.probeMatches.probeMatch)
  const match = matches.find((one) => one.endpointReference.address === endpoint)
  check(match, 'discovered', matches)
  seen.xaddrs = match.XAddrs
}

const cam = await new Promise((resolve, reject) => {
  const options = { hostname, port: Number(port), username, password, timeout: 20000 }
  const made = new onvif.Cam(options, (error) => (error ? reject(error) : resolve(made)))
})
const call = (name, ...args) => promisify(cam[name]).apply(cam, args)

seen.media2 = cam.media2Support === true
seen.profiles = cam.profiles.map((profile) => profile.$.token)
seen.sources = cam.videoSources.map?.((source) => source.$.token) ?? [cam.videoSources.$.token]
seen.serial = (await call('getDeviceInformation')).serialNumber
seen.hostname = (await call('getHostname')).name
seen.stream = (await call('getStreamUri', { protocol: 'RTSP' })).uri

// The library leaves fetching to its user: Digest by hand, RFC 2617 without qop or RFC 7616 with it.
const uri = new URL((await call('getSnapshotUri')).uri)
const challenge = await fetch(uri)
check(challenge.status === 401, challenge.status)
const offer = challenge.headers.get('www-authenticate')
await challenge.arrayBuffer()
const part = (name) => offer.match(new RegExp(`${name}="?([^",]+)`))?.[1]
const algorithm = (part('algorithm') ?? 'MD5').replace('-', '').toLowerCase()
const hash = (text) => createHash(algorithm).update(text).digest('hex')
const path = uri.pathname + uri.search
const [a1, a2] = [hash(`${username}:${part('realm')}:${password}`), hash(`GET:${path}`)]
const cnonce = randomBytes(8).toString('hex')
const nonce = part('nonce')
const response = part('qop') ? hash(`${a1}:${nonce}:00000001:${cnonce}:auth:${a2}`) : hash(`${a1}:${nonce}:${a2}`)
let login = `Digest username="${username}", realm="${part('realm')}", nonce="${nonce}", uri="${path}", response="${response}"`
if (part('algorithm')) login += `, algorithm=${part('algorithm')}`
if (part('opaque')) login += `, opaque="${part('opaque')}"`
if (part('qop')) login += `, qop=auth, nc=00000001, cnonce="${cnonce}"`
const picture = await fetch(uri, { headers: { authorization: login } })
check(picture.status === 200, picture.status)
const bytes = Buffer.from(await picture.arrayBuffer())
check(bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])), 'a JPEG')
seen.snapshotBytes = bytes.length

const settled = async () => {
  for (let turn = 0; turn < 200; turn++) {
    const status = await call('getStatus')
    if (status.moveStatus.panTilt === 'IDLE' && status.moveStatus.zoom === 'IDLE') {
      return [status.position.x, status.position.y, status.position.zoom].map((value) => Math.round(value * 1000) / 1000)
    }
    await sleep(100)
  }
  throw new Error('still moving')
}
check(Object.keys(await call('getNodes')).length >= 1, 'nodes')
check(Object.keys(await call('getConfigurations')).length >= 1, 'configurations')
await call('absoluteMove', { x: 0, y: 0, zoom: 0 })
const start = await settled()
await call('continuousMove', { x: 0.5, y: -0.5, zoom: 0.5, timeout: 10000 })
await sleep(400)
await call('stop', { panTilt: true, zoom: true })
const moved = await settled()
check(moved[0] > start[0] && moved[1] < start[1] && moved[2] > start[2], start, moved)
await call('relativeMove', { x: -0.125, y: 0.125, zoom: 0 })
await settled()
await call('setPreset', { presetName: 'By npm' })
const presets = await call('getPresets')
const preset = presets['By npm']?.$.token
check(preset, presets)
await call('absoluteMove', { x: 0, y: 0, zoom: 0 })
await settled()
await call('gotoPreset', { preset })
await settled()
await call('removePreset', { presetToken: preset })
await call('absoluteMove', { x: 0.25, y: 0.125, zoom: 0.125 })
seen.place = await settled()

const options = await call('getVideoSourceOptions')
seen.brightness = [Number(options.brightness.min), Number(options.brightness.max)]
// The library takes 0 for nothing.
await call('setImagingSettings', { brightness: seen.brightness[1] - 5 })
check(Number((await call('getImagingSettings')).brightness) === seen.brightness[1] - 5, 'brightness is set')

// Events: the library always pulls for a minute; leaving ends the wait.
await call('createPullPointSubscription')
const pulling = call('pullMessages', { messageLimit: 5 })
await sleep(200)
await call('unsubscribe')
check(await pulling, 'an answer to PullMessages')

// Connecting with a wrong password would go on after the first refusal and could lock the account: one call alone.
const stranger = new onvif.Cam({ hostname, port: Number(port), username, password: `${password}x`, autoconnect: false })
try {
  await promisify(stranger.getDeviceInformation).call(stranger)
} catch (error) {
  seen.refused = error.message
}
check(seen.refused, 'a wrong password is refused')
console.log(JSON.stringify(seen))
process.exit(0)
