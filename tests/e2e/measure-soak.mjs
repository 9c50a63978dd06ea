/**
 * Sixteen windows through the simulator's fault script, round after round: memory of each process, and who heals.
 *
 * node measure-soak.mjs --seconds N --faults-end MS [--heal-seconds 60] [--window PROGRAM]
 * `--faults-end` is when the last fault is over, milliseconds since 1970. BARTIZAN_SOURCES says what is watched; without
 * `--window`, BARTIZAN_PROGRAMS and BARTIZAN_UI are needed. Prints one JSON object.
 */
import { parseArgs } from 'node:util'
import { openChromium, openProgram, tell, untilWall, wait } from './measuring.mjs'
import { startWeb, stop } from './programs.mjs'
import { sampleUsage } from './usage.mjs'

const EVERY_MS = 2_000
/** A window that shows nothing new for so long at the end does not play. */
const LAST_LOOK_MS = 10_000
const WINDOWS = 16

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    'faults-end': { type: 'string' },
    'heal-seconds': { type: 'string', default: '60' },
    window: { type: 'string' },
  },
})
const faultsEnd = Number(values['faults-end'])
const healBy = faultsEnd + Number(values['heal-seconds']) * 1000

const web = values.window ? null : startWeb([])
const app = values.window ? await openProgram(values.window) : await openChromium(await web.line, web.child.pid)
try {
  await untilWall(app, WINDOWS)
  await app.run(`(() => {
    window.__soak = { errors: [] }
    const keep = (text) => { if (window.__soak.errors.length < 100) window.__soak.errors.push(String(text)) }
    addEventListener('error', (event) => keep(event.message))
    addEventListener('unhandledrejection', (event) => keep(event.reason))
  })()`)
  const tiles = new Map()
  /** Notes which windows showed something new since the last look. */
  const look = async () => {
    const rows = await app.run('window.__bartizanWall.stats().map(({ index, name, presented }) => ({ index, name, presented }))')
    const now = Date.now()
    for (const { index, name, presented } of rows.slice(0, WINDOWS)) {
      const tile = tiles.get(index) ?? { name, presented, at: now, longestMs: 0, healedMs: null }
      if (presented !== tile.presented) {
        tile.presented = presented
        tile.at = now
        if (tile.healedMs === null && now > faultsEnd) tile.healedMs = now - faultsEnd
      }
      tile.longestMs = Math.max(tile.longestMs, now - tile.at)
      tiles.set(index, tile)
    }
  }
  const rss = []
  const began = Date.now()
  while (Date.now() - began < Number(values.seconds) * 1000) {
    const due = Date.now() + EVERY_MS
    rss.push(sampleUsage.rssByRole(app.pids()))
    await look()
    await wait(Math.max(0, due - Date.now()))
  }
  const healed = () => [...tiles.values()].every((tile) => tile.healedMs !== null)
  while (!healed() && Date.now() < healBy) {
    await look()
    await wait(200)
  }
  // Healed once is not enough: at the very end each of them plays.
  const last = Date.now()
  const plays = () => [...tiles.values()].every((tile) => tile.at > last)
  while (!plays() && Date.now() < last + LAST_LOOK_MS) {
    await look()
    await wait(200)
  }
  const { streams } = await app.rpc('live.stats')
  const soak = await app.run('window.__soak ?? null')
  tell({
    rss_mib: rss,
    tiles: [...tiles.values()].map(({ name, healedMs, longestMs, at }) => ({
      name, healed_ms: healedMs !== null && healedMs <= healBy - faultsEnd ? healedMs : null, plays: at > last, longest_ms: longestMs,
    })),
    reconnects: streams.reduce((sum, stream) => sum + stream.reconnects, 0),
    reloaded: soak === null,
    errors: soak?.errors ?? [],
  })
} finally {
  await app.close()
  if (web) await stop(web.child)
}
