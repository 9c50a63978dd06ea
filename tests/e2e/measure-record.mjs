/**
 * What recording costs the core while sixteen windows are shown.
 *
 * node measure-record.mjs --source RTSP_URL --seconds N
 * BARTIZAN_PROGRAMS and BARTIZAN_UI say where the web shell and the page are. Prints one JSON object: seconds of CPU of
 * the core's process and bytes recorded in the given time: watching alone, recording the streams on screen too, and
 * recording the main streams instead.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { until } from './lib.mjs'
import { openChromium, tell, untilWall, wait } from './measuring.mjs'
import { call, startWeb, stop } from './programs.mjs'
import { sampleUsage } from './usage.mjs'

const WINDOWS = 16
/** Connecting and the first table of a file are not running cost: they are over after this. */
const SETTLE_MS = 5_000
const LIMIT_MS = 30_000

const { values } = parseArgs({ options: { source: { type: 'string' }, seconds: { type: 'string', default: '10' } } })
const data = mkdtempSync(join(tmpdir(), 'bartizan-record-'))
const web = startWeb(['--data', data])
let app = null
try {
  const url = await web.line
  const { id, channels } = await call(url, 'devices.add', { url: values.source, name: 'Site' })
  const watched = channels.slice(0, WINDOWS).map(({ number }) => ({ device: id, channel: number }))
  app = await openChromium(url, web.child.pid)
  await untilWall(app, WINDOWS)

  const bytes = async () => (await app.rpc('record.list')).recordings.reduce((sum, one) => sum + one.bytes, 0)
  const measure = async () => {
    await wait(SETTLE_MS)
    const [cpu, written, began] = [sampleUsage.cpuS(web.child.pid), await bytes(), performance.now()]
    await wait(Number(values.seconds) * 1000)
    const seconds = (performance.now() - began) / 1000
    return { cpu_s: sampleUsage.cpuS(web.child.pid) - cpu, bytes: (await bytes()) - written, seconds }
  }
  const recording = async (profile) => {
    for (const one of watched) await app.rpc('record.start', { ...one, profile })
    await until('sixteen recordings', async () => {
      const { recordings } = await app.rpc('record.list')
      return recordings.length === WINDOWS && recordings.every((one) => one.bytes > 0)
    }, LIMIT_MS)
    const cost = await measure()
    for (const one of watched) await app.rpc('record.stop', one)
    const { files } = await app.rpc('files.list')
    if (files.length < WINDOWS) throw new Error(`${files.length} files of ${WINDOWS} recordings`)
    await app.rpc('files.delete', { ids: files.map((file) => file.id) })
    return cost
  }
  const shown = await measure()
  const sub = await recording('sub')
  // Between the two nothing but the wall is held, as at first.
  await wait(SETTLE_MS * 2)
  const main = await recording('main')
  tell({ shown, sub, main, streams: WINDOWS })
} finally {
  await app?.close()
  await stop(web.child)
  rmSync(data, { recursive: true, force: true })
}
