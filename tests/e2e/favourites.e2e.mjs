/**
 * Groups of channels, the wall of the last session, mobile data and the settings of Me, as a person uses them.
 * Needs BARTIZAN_URL and BARTIZAN_SIM; see lib.mjs.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import {
  APP_URL, drag, goTab, launch, noViolations, openApp, PICTURE_MS, READY, reset, rpc, shoot, SIM_URL, stats, until, untilPlaying, view,
} from './lib.mjs'

/** A web view that tells of the network, as that of a phone does. */
const sense = (context, type) => context.addInitScript((first) => {
  const connection = Object.assign(new EventTarget(), { type: first, saveData: false })
  Object.defineProperty(navigator, 'connection', { configurable: true, get: () => connection })
  window.__goOn = (next) => {
    connection.type = next
    connection.dispatchEvent(new Event('change'))
  }
}, type)

const profilesOf = async (page) => (await rpc(page, 'live.stats')).streams.filter((one) => one.viewers > 0).map((one) => one.profile)

describe('favourites and settings', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set', timeout: 900_000 }, () => {
  let browser
  let app
  let page

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser)
    page = app.page
    const { favourites } = await rpc(page, 'favourites.list')
    for (const { id } of favourites) await rpc(page, 'favourites.delete', { id })
    await rpc(page, 'settings.set', { defaultPage: 'home', meteredPolicy: 'ask', meteredCapMb: 0, memoryPlay: false, country: '' })
    await reset(page)
  })
  afterEach(async (context) => {
    await shoot(page, `end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    // The next page must open on the tabs.
    await rpc(page, 'settings.set', { defaultPage: 'home' }).catch(() => undefined)
    await app.close()
  })

  async function cameras(count) {
    const made = []
    for (let n = 1; n <= count; n += 1) made.push((await rpc(page, 'devices.add', { url: `${SIM_URL}/ch${n}/main`, name: `Camera ${n}` })))
    await page.reload()
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
    return made.map((device) => ({ device: device.id, channel: device.channels[0].number }))
  }
  const bar = () => view(page).getByRole('group', { name: 'Favourites and last session' })
  const names = async () => (await rpc(page, 'favourites.list')).favourites.map((group) => group.name)
  const shownNames = () => page.locator('.tile:not(.empty) .foot .name').allTextContents()
  const group = (name, channels, layout) => rpc(page, 'favourites.create', { name, channels, layout })
  async function again() {
    await page.reload()
    await page.locator('ion-tab-bar').waitFor({ state: 'attached' })
  }

  it('a group is made as on paper: choose cameras, Next, name, save; its wall has its own layout', async () => {
    await cameras(4)
    await untilPlaying(page, 4)
    await bar().getByRole('button', { name: 'New group' }).click()
    await view(page).getByRole('checkbox', { name: /Camera 3/ }).check()
    await view(page).getByRole('checkbox', { name: /Camera 1/ }).check()
    await noViolations(page, 'choosing cameras')
    await shoot(page, 'favourite-choose')
    await view(page).getByRole('button', { name: 'Next' }).click()
    assert.equal(await view(page).getByRole('button', { name: 'Save' }).isDisabled(), true, 'no name yet')
    await view(page).getByLabel('Name of the group').fill('Front')
    await noViolations(page, 'naming a group')
    await shoot(page, 'favourite-name')
    await view(page).getByRole('button', { name: 'Save' }).click()
    await page.waitForURL('**/#/home')
    await until('two windows of the group', async () => (await shownNames()).sort().join() === 'Camera 1,Camera 3')
    assert.equal((await rpc(page, 'settings.get')).layout, 2)
    await untilPlaying(page, 2)
    await noViolations(page, 'the wall of a group')
    await shoot(page, 'favourite-wall')

    // Another layout is the group's; the wall of all cameras keeps its own.
    await view(page).locator('[data-tool=layout]').click()
    await view(page).getByRole('radio', { name: '6 windows', exact: true }).check()
    await until('the group has it', async () => (await rpc(page, 'favourites.list')).favourites[0].layout === 6)
    await bar().getByRole('button', { name: 'All cameras' }).click()
    await until('all cameras', async () => (await shownNames()).length === 4)
    assert.equal((await rpc(page, 'settings.get')).layout, 4)
    await bar().getByRole('button', { name: 'Watch Front' }).click()
    await until('the group again', async () => (await shownNames()).length === 2)
    await until('with its layout', async () => (await rpc(page, 'settings.get')).layout === 6)
    await until('a picture of the group on its button', async () => (await bar().locator('[data-group] img').count()) === 2, PICTURE_MS)
    await shoot(page, 'favourite-thumbs')
  })

  it('the chosen window is added from the tools, and taken out with undo', async () => {
    const [one, two] = await cameras(2)
    await group('Yard', [one], 1)
    await again()
    await untilPlaying(page, 2)
    const tool = view(page).locator('[data-tool=favourite]')
    assert.equal(await tool.isDisabled(), true, 'nothing is chosen')
    await page.evaluate(() => window.__bartizanWall.select(1))
    await tool.click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Yard' }).click()
    const members = async () => (await rpc(page, 'favourites.list')).favourites[0].channels
    await until('both', async () => (await members()).length === 2)
    assert.deepEqual(await members(), [one, two])
    await page.locator('ion-action-sheet').waitFor({ state: 'detached' })
    await tool.click()
    await page.locator('ion-action-sheet').getByRole('button', { name: 'Take out of Yard' }).click()
    await until('one', async () => (await members()).length === 1)
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await until('both again', async () => (await members()).length === 2)
  })

  it('groups are renamed, ordered and deleted by swipe and by menu, with undo', async () => {
    const [one, two] = await cameras(2)
    await group('Yard', [one, two], 2)
    await group('Gate', [two], 1)
    await again()
    await bar().getByRole('button', { name: 'Manage favourites' }).click()
    await page.waitForURL('**/#/favourites')
    await view(page).getByText('Gate').waitFor()
    await noViolations(page, 'the groups')
    await shoot(page, 'favourites')

    const sheet = page.locator('ion-action-sheet')
    const menu = async (name, what) => {
      await view(page).getByRole('button', { name: `More for ${name}` }).click()
      await sheet.getByRole('button', { name: what }).click()
      await sheet.waitFor({ state: 'detached' })
    }
    await menu('Gate', 'Move up')
    await until('another order', async () => (await names()).join() === 'Gate,Yard')
    await menu('Gate', 'Rename')
    await page.locator('ion-alert input').fill('North gate')
    await page.locator('ion-alert').getByRole('button', { name: 'Save' }).click()
    await until('another name', async () => (await names()).join() === 'North gate,Yard')
    await menu('Yard', 'Delete')
    await until('one group', async () => (await names()).join() === 'North gate')
    await page.locator('ion-toast').getByRole('button', { name: 'Undo' }).click()
    await until('two groups', async () => (await names()).length === 2)

    const row = await view(page).locator('ion-item-sliding', { hasText: 'North gate' }).boundingBox()
    const y = row.y + row.height / 2
    await drag(page, { x: row.x + row.width - 90, y }, { x: row.x + 40, y })
    await view(page).locator('ion-item-sliding', { hasText: 'North gate' }).locator('.delete').click()
    await until('the swiped one is gone', async () => (await names()).join() === 'Yard')

    await menu('Yard', 'Cameras…')
    await page.waitForURL(/#\/favourites\/[0-9a-f]+$/)
    await view(page).getByRole('button', { name: 'More for Camera 2' }).waitFor()
    await noViolations(page, 'one group')
    await shoot(page, 'favourite')
    await menu('Camera 2', 'Remove')
    await until('one camera', async () => (await rpc(page, 'favourites.list')).favourites[0].channels.length === 1)
    await view(page).getByLabel('Windows of this group').selectOption('9')
    await until('nine windows', async () => (await rpc(page, 'favourites.list')).favourites[0].layout === 9)
    await view(page).getByRole('button', { name: 'Add cameras' }).click()
    await view(page).getByRole('checkbox', { name: /Camera 2/ }).check()
    await view(page).getByRole('button', { name: 'Add cameras' }).click()
    await until('two cameras', async () => (await rpc(page, 'favourites.list')).favourites[0].channels.length === 2)
  })

  it('the wall of the last session comes back by its button, and by itself when that is switched on', async () => {
    const [one, , three] = await cameras(3)
    const made = await group('Pair', [three, one], 2)
    await again()
    await untilPlaying(page, 3)
    await bar().getByRole('button', { name: 'Watch Pair' }).click()
    await until('the group', async () => (await shownNames()).length === 2)
    await page.evaluate(() => window.__bartizanWall.enlarge(1))
    await until('it is kept', async () => {
      const { memory } = await rpc(page, 'memory.get')
      return memory?.group === made.id && memory.enlarged?.device === one.device
    })

    await again()
    await until('all cameras again', async () => (await shownNames()).length === 3)
    assert.equal((await rpc(page, 'settings.get')).layout, 4, 'the layout of all cameras')
    const button = bar().getByRole('button', { name: /^Last session/ })
    await button.click()
    await until('the enlarged camera of the group', async () => (await shownNames()).join() === 'Camera 1')
    assert.equal(await button.isDisabled(), true, 'there is nothing more to bring back')
    await page.evaluate(() => window.__bartizanWall.enlarge(null))
    await until('the group', async () => (await shownNames()).join() === 'Camera 3,Camera 1')
    await until('it is kept', async () => (await rpc(page, 'memory.get')).memory.enlarged === null)

    await goTab(page, 'me')
    await view(page).locator('ion-toggle', { hasText: 'Memory play' }).click()
    await until('it is switched on', async () => (await rpc(page, 'settings.get')).memoryPlay)
    await goTab(page, 'home')
    await again()
    await until('the group at once', async () => (await shownNames()).join() === 'Camera 3,Camera 1')
    await untilPlaying(page, 2)
  })

  it('mobile data: asks first, plays once, spares with sub streams and stills, and stops at the limit', async () => {
    const both = await cameras(2)
    await sense(page.context(), 'cellular')
    await again()
    await view(page).getByRole('heading', { name: 'You are on mobile data' }).waitFor()
    await noViolations(page, 'the question about mobile data')
    await shoot(page, 'metered-ask')
    assert.deepEqual((await stats(page)).map((row) => row.presented), [0, 0], 'nothing plays before the answer')
    // The page before this one still has its streams for a moment.
    await until('no stream is open', async () => (await profilesOf(page)).length === 0, PICTURE_MS)
    await view(page).getByRole('button', { name: 'Play once' }).click()
    await untilPlaying(page, 2)
    await until('bytes are counted as mobile', async () => (await rpc(page, 'traffic.get')).meteredBytes > 10_000)
    await until('and shown', async () => /[1-9]/.test(await bar().getByRole('button', { name: /^Mobile data this month/ }).textContent()))

    // Another stay on a mobile network is asked about anew; a free one in between plays everything.
    await page.evaluate(() => window.__goOn('wifi'))
    await until('a free network', async () => !(await rpc(page, 'traffic.get')).metered)
    const before = (await rpc(page, 'traffic.get')).meteredBytes
    await untilPlaying(page, 2)
    assert.equal((await rpc(page, 'traffic.get')).meteredBytes, before, 'nothing more counts as mobile')
    await page.evaluate(() => window.__goOn('cellular'))
    await view(page).getByRole('button', { name: 'Always sub streams' }).click()
    assert.equal((await rpc(page, 'settings.get')).meteredPolicy, 'subOnly')
    await untilPlaying(page, 2)
    await page.evaluate(() => window.__bartizanWall.enlarge(0))
    await until('the enlarged one plays', async () => (await stats(page))[0].presented > 0, PICTURE_MS)
    await until('no main stream', async () => (await profilesOf(page)).every((profile) => profile === 'sub'))
    await page.evaluate(() => window.__bartizanWall.enlarge(null))

    await until('the last pictures are kept', async () => (await rpc(page, 'pictures.last', { channels: both })).pictures.every(Boolean), PICTURE_MS)
    await rpc(page, 'settings.set', { meteredPolicy: 'stills' })
    await again()
    await until('stills', async () => (await page.locator('.still img').count()) === 2, PICTURE_MS)
    await shoot(page, 'metered-stills')
    await until('no stream is open', async () => (await profilesOf(page)).length === 0, PICTURE_MS)

    await rpc(page, 'settings.set', { meteredPolicy: 'allow', meteredCapMb: 1 })
    await again()
    await view(page).getByRole('heading', { name: 'The monthly limit is reached' }).waitFor({ timeout: PICTURE_MS })
    await shoot(page, 'metered-cap')
    await bar().getByRole('button', { name: /^Mobile data this month/ }).click()
    await page.waitForURL('**/#/me/traffic')
    await until('the used part of the limit', async () => /of 1 MB/.test(await view(page).locator('[data-sum=metered]').textContent()))
    await noViolations(page, 'data use')
    await shoot(page, 'traffic')
    await view(page).getByLabel('Monthly limit for mobile data').fill('100000')
    await view(page).getByLabel('Monthly limit for mobile data').press('Enter')
    await until('the limit is raised', async () => (await rpc(page, 'settings.get')).meteredCapMb === 100_000)
  })

  it('Me: every setting is kept, and what is kept is shown', async () => {
    await goTab(page, 'me')
    await noViolations(page, 'Me')
    await shoot(page, 'me')
    const slide = (name, value) => view(page).getByRole('slider', { name }).fill(String(value))
    await slide(/PTZ speed/, 7)
    await slide(/Pictures per snapshot/, 10)
    await slide(/Length of pushed clips/, 30)
    await slide(/Noise reduction/, 4)
    await view(page).getByLabel('Default page').selectOption('favourites')
    await view(page).getByLabel('Over mobile data').selectOption('never')
    const wanted = { ptzStep: 7, captureCount: 10, pushDurationS: 30, noiseReduction: 4, defaultPage: 'favourites', meteredPolicy: 'never' }
    await until('all kept', async () => {
      const kept = await rpc(page, 'settings.get')
      return Object.entries(wanted).every(([name, value]) => kept[name] === value)
    })
    await view(page).getByText('15 s + 30 s').waitFor()
    await view(page).getByRole('button', { name: /^Log out/ }).click()
    await page.locator('ion-alert').getByText('There is no account').waitFor()
    await noViolations(page, 'logging out')
    await page.locator('ion-alert').getByRole('button', { name: 'OK' }).click()
    await page.locator('ion-alert').waitFor({ state: 'detached' })

    await view(page).getByRole('link', { name: /Country or region/ }).click()
    await view(page).getByLabel('Find a country').fill('germ')
    await view(page).getByRole('button', { name: 'Germany' }).click()
    await until('the country is kept', async () => (await rpc(page, 'settings.get')).country === 'DE')
    await view(page).getByText('Germany').waitFor()

    await page.goto(APP_URL)
    await page.waitForURL('**/#/favourites')
    await view(page).getByRole('heading', { name: 'Favourites' }).waitFor()
    await view(page).getByRole('button', { name: 'Back' }).click()
    await page.waitForURL('**/#/home')
    await rpc(page, 'settings.set', { language: 'zh', ptzStep: 5, captureCount: 1, noiseReduction: 2, pushDurationS: 15 })
    await again()
    await goTab(page, 'me')
    await view(page).getByText('记忆播放').waitFor()
    await shoot(page, 'me-zh')
    await noViolations(page, 'Me in Chinese')
  })
})
