/**
 * Recordings and snapshots as a person makes and finds them.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, SIM_URL, until, untilPlaying, view } from './lib.mjs'
import { call, PROGRAMS, startWeb, stop } from './programs.mjs'
import { readTimeBar } from './timebar.mjs'

describe('recordings and snapshots', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 300_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    const ids = (await rpc(page, 'files.list')).files.map((file) => file.id)
    if (ids.length > 0) await rpc(page, 'files.delete', { ids })
    await reset(page)
    await rpc(page, 'devices.add', { url: `${SIM_URL}/ch1/main`, name: 'Front gate' })
    await rpc(page, 'settings.set', { layout: 1, captureCount: 2 })
    await page.reload()
    await untilPlaying(page, 1)
    await page.locator('.mount').click()
  })
  afterEach(async (context) => {
    await shoot(page, `files-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await rpc(page, 'settings.set', { captureCount: 1 }).catch(() => undefined)
    await app.close()
  })

  const tool = (name) => view(page).getByRole('button', { name }).first()

  /** The whole file, as the page reads it to share it. */
  async function bytesOf(file) {
    const parts = []
    for (let offset = 0; offset < file.bytes;) {
      const { data } = await rpc(page, 'files.read', { id: file.id, offset, length: 1 << 20 })
      const part = Buffer.from(data, 'base64')
      assert.ok(part.length > 0)
      parts.push(part)
      offset += part.length
    }
    return Buffer.concat(parts)
  }

  it('a recording shows its time, becomes a whole MP4, is deleted and taken back', async () => {
    await tool(/^Record/).click()
    await view(page).getByText(/0:0[2-9]/).first().waitFor()
    await noViolations(page, 'recording')
    await shoot(page, 'recording')
    await tool(/^Stop/).click()
    const file = await until('a finished file', async () => (await rpc(page, 'files.list')).files.find((one) => one.durationMs > 1000))
    const folder = mkdtempSync(join(tmpdir(), 'bartizan-files-'))
    try {
      const path = join(folder, 'a.mp4')
      writeFileSync(path, await bytesOf(file))
      const told = execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'json', path], { encoding: 'utf8' })
      assert.deepEqual(JSON.parse(told).streams, [{ codec_name: 'h264', width: 1280, height: 720 }, { codec_name: 'pcm_mulaw' }])
    } finally {
      rmSync(folder, { recursive: true })
    }
    await tool(/^Files/).click()
    const entry = view(page).locator(`[data-file="${file.id}"]`)
    await entry.waitFor()
    await noViolations(page, 'files')
    await shoot(page, 'files')
    await view(page).getByRole('button', { name: 'Choose', exact: true }).click()
    await entry.click()
    await page.getByRole('button', { name: 'Delete' }).last().click()
    await entry.waitFor({ state: 'detached' })
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await entry.waitFor()
  })

  it('a snapshot takes as many pictures as Me says, in full size', async () => {
    await tool(/^Snapshot/).click()
    const pictures = await until('two pictures', async () => {
      const { files } = await rpc(page, 'files.list')
      return files.length === 2 ? files : null
    }, PICTURE_MS)
    for (const file of pictures) {
      const jpeg = await bytesOf(file)
      assert.deepEqual([...jpeg.subarray(0, 2)], [0xff, 0xd8])
      assert.deepEqual([file.width, file.height], [1280, 720])
    }
    await tool(/^Files/).click()
    await view(page).getByRole('radio', { name: 'Snapshots' }).check()
    await view(page).locator('.file').first().click()
    await page.getByRole('dialog').waitFor()
    await shoot(page, 'snapshot-open')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })
})

describe('recordings without a small picture', { skip: READY && PROGRAMS !== '' ? false : 'BARTIZAN_PROGRAMS or BARTIZAN_SIM is not set', timeout: 300_000 }, () => {
  it('get it from the page, where the core cannot decode them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bartizan-films-'))
    const web = startWeb(['--data', folder])
    const browser = await launch()
    try {
      const url = await web.line
      const { id: device } = await call(url, 'devices.add', { url: `${SIM_URL}/ch1/main`, name: 'Front gate' })
      await call(url, 'record.start', { device, channel: 1 })
      await until('a recording', async () => (await call(url, 'record.list')).recordings.some(({ elapsedMs }) => elapsedMs > 1500), PICTURE_MS)
      const { files: [id] } = await call(url, 'record.stop', { device, channel: 1 })
      // As it is with H.265, which Chromium on this machine decodes as little as the core.
      const small = join(folder, 'media', 'about', `${id}.jpg`)
      rmSync(small)
      const pictured = async () => (await call(url, 'files.list')).files.map(({ thumbnail }) => thumbnail)
      assert.deepEqual(await pictured(), [false])

      const app = await openApp(browser)
      const { page } = app
      await page.goto(url)
      await view(page).getByRole('button', { name: /^Files/ }).first().click()
      const shot = view(page).locator(`[data-file="${id}"] img`)
      await shot.waitFor({ timeout: PICTURE_MS })
      const size = await shot.evaluate(async (image) => (await image.decode(), [image.naturalWidth, image.naturalHeight]))
      assert.deepEqual(size, [480, 270])
      const taken = await readTimeBar(page, readFileSync(small).toString('base64'))
      const [{ takenAtMs }] = (await call(url, 'files.list')).files
      assert.ok(Math.abs(taken - takenAtMs) < 5000, `its first picture: ${taken - takenAtMs} ms`)
      assert.deepEqual(await pictured(), [true])
      await shoot(page, 'files-first-pictures')
      await app.close()
    } finally {
      await browser.close()
      await stop(web.child)
      rmSync(folder, { recursive: true })
    }
  })
})
