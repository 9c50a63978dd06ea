/**
 * Sixteen windows live through the simulator's whole fault script: no reload, no window left behind, no leak.
 * BARTIZAN_PROGRAMS is the folder of bartizan-web and bartizan-sim, BARTIZAN_UI the built page.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, PICTURE_MS, rpc, shoot, stats, until } from './lib.mjs'
import { PROGRAMS, start, startWeb } from './programs.mjs'
import { sampleUsage } from './usage.mjs'

/** The script of `--script everything` ends within this. */
const SCRIPT_MS = 60_000
/** Longest pause between tries that the script can build up, and a page's own patience on top. */
const HEAL_MS = 60_000

describe('the fault script', { skip: PROGRAMS === '' ? 'BARTIZAN_PROGRAMS is not set' : false, timeout: 300_000 }, () => {
  const children = []
  let browser
  before(async () => { browser = await launch() })
  after(async () => {
    await browser?.close()
    for (const child of children) child.kill()
  })

  it('leaves sixteen windows playing', async () => {
    const sim = start('bartizan-sim', ['--port', '0', '--source', 'clip', '--script', 'everything'], {}, (text) => /rtsp:\/\/([^/\s]+)/.exec(text)?.[1])
    children.push(sim.child)
    const site = await sim.line
    const began = Date.now()
    const web = startWeb([], { BARTIZAN_SOURCES: `rtsp://admin:bartizan1@${site}/` })
    children.push(web.child)
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
    const complaints = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
    await page.goto(await web.line)
    await page.evaluate(() => { window.__sameDocument = true })
    const presenting = async () => (await stats(page)).filter((tile) => tile.presented > 0).length
    await until('sixteen windows before the worst', async () => (await presenting()) === 16, PICTURE_MS)
    const rss = () => sampleUsage.rssMib(web.child.pid)
    const before = rss()

    await until('the end of the script', async () => Date.now() - began > SCRIPT_MS, SCRIPT_MS + 5_000)
    const counts = (rows) => new Map(rows.map((tile) => [tile.index, tile.presented]))
    let last = counts(await stats(page))
    const healed = new Set()
    await until('every window presents again', async () => {
      const now = counts(await stats(page))
      for (const [index, presented] of now) if (presented > (last.get(index) ?? 0)) healed.add(index)
      last = now
      return healed.size === 16
    }, HEAL_MS)
    await until('every window says so', async () => (await page.locator('.tile[data-phase=playing]').count()) === 16, HEAL_MS)

    assert.equal(await page.evaluate(() => window.__sameDocument), true, 'the page was reloaded')
    const { streams } = await rpc(page, 'live.stats')
    assert.equal(streams.length, 16, 'one session a stream, none left over')
    assert.ok(streams.some((stream) => stream.reconnects > 0), 'the script broke nothing')
    assert.ok(rss() < before + 64, `the core grew from ${before} to ${rss()} MiB`)
    assert.deepEqual(complaints, [])
    await shoot(page, 'survived')
  })
})
