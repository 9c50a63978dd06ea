/**
 * WCAG 2.2 AA on every page, sheet and overlay; the whole wall by keyboard; what a screen reader hears; calm where the
 * system asks for it; narrow and forced-colour screens.
 *
 * Needs BARTIZAN_URL, BARTIZAN_SIM and BARTIZAN_BRANDS; see lib.mjs and adding.e2e.mjs.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { goTab, launch, openApp, PICTURE_MS, READY as CAN, reset, rpc, shoot, until, untilPlaying, view, violations } from './lib.mjs'
import { at, EMPTY, furnish, PAGES, PANELS, quiet, REPLAYS, WALL } from './places.mjs'

const LIST = process.env.BARTIZAN_BRANDS ?? ''
const READY = CAN && LIST !== ''
const brands = READY ? JSON.parse(readFileSync(LIST, 'utf8')) : []
const WHY = READY ? false : 'BARTIZAN_URL, BARTIZAN_SIM or BARTIZAN_BRANDS is not set'

const PHONE = { width: 390, height: 844 }
const TABLET = { width: 1024, height: 768 }
const SIDEWAYS = { width: 844, height: 390 }

async function emptied(page) {
  for (const { id } of (await rpc(page, 'favourites.list')).favourites) await rpc(page, 'favourites.delete', { id })
  await rpc(page, 'settings.set', { defaultPage: 'home' })
  await reset(page)
}

/**
 * On a phone on its side the bars step back some seconds after the last touch: in the middle of a check they would be
 * there for its first half alone. So somebody goes on touching them.
 */
async function withBars(page, check) {
  await page.evaluate(() => {
    const touch = () => document.querySelector('.wall.floating')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift' }))
    touch()
    window.__touching = setInterval(touch, 1000)
  })
  await until('the bars', () => page.evaluate(() => document.querySelector('.wall.floating.away') === null))
  await quiet(page)
  try {
    return await check(page)
  } finally {
    await page.evaluate(() => clearInterval(window.__touching))
  }
}

describe('accessibility of every view', { skip: WHY, timeout: 3_600_000 }, () => {
  let browser
  /** What is in the app, from the first walk that needs something on. */
  let world

  before(async () => {
    browser = await launch()
    const app = await openApp(browser)
    await emptied(app.page)
    await app.close()
  })
  after(async () => { await browser?.close() })

  /** All places are walked, then all faults are told: one run shows the whole work. */
  async function walk(places, { viewport, theme = 'dark', language = 'en', check = violations }) {
    const app = await openApp(browser, { viewport, colorScheme: theme, reducedMotion: 'reduce' })
    const { page } = app
    if (places !== EMPTY) world ??= await furnish(page, brands)
    await rpc(page, 'settings.set', { theme, language })
    const faults = []
    for (const place of places) {
      await place.open(page, world)
      faults.push(...(await withBars(page, check)).map((fault) => `${place.name}: ${fault}`))
      await place.leave?.(page, world)
    }
    await rpc(page, 'settings.set', { theme: 'dark', language: 'en' })
    assert.deepEqual(faults, [])
    await app.close()
  }
  /** Pages of help are alike; two of them are enough beside the first walk. */
  const apart = PAGES.filter(({ name }) => !/^\/help\/(?!failure|password|lag)/.test(name))
  const alike = apart.filter(({ name }) => !/licences|country/.test(name))

  it('nothing in it yet', () => walk(EMPTY, { viewport: PHONE }))
  it('nothing in it yet, light, on a tablet', () => walk(EMPTY, { viewport: TABLET, theme: 'light' }))
  it('the pages, on a phone, dark', () => walk(PAGES, { viewport: PHONE }))
  it('the pages, on a tablet, light', () => walk(apart, { viewport: TABLET, theme: 'light' }))
  it('the pages, in Chinese, on a phone on its side', () => walk(alike, { viewport: SIDEWAYS, theme: 'light', language: 'zh' }))
  it('the wall, on a phone', () => walk([...WALL, ...PANELS, ...REPLAYS], { viewport: PHONE }))
  it('the wall, on a tablet, light', () => walk([...WALL, ...PANELS, ...REPLAYS], { viewport: TABLET, theme: 'light' }))
  it('the wall, in Chinese, on a phone on its side', () => walk([...WALL, ...REPLAYS], { viewport: SIDEWAYS, language: 'zh' }))

  it('is whole 320 px wide, as at 400 %, without scrolling sideways (1.4.10)', () => walk([...alike, ...WALL.slice(0, 6)], {
    viewport: { width: 320, height: 640 }, check: (page) => page.evaluate(sideways),
  }))

  /** What goes beyond the screen, other than in a strip that is made to be swiped. */
  function sideways() {
    const swiped = (element) => {
      for (let at = element.parentElement; at !== null; at = at.parentElement) {
        if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(at).overflowX) && at.tagName !== 'ION-APP' && at.getBoundingClientRect().right <= innerWidth + 1) return true
      }
      return false
    }
    const found = [...document.querySelectorAll('ion-content *, ion-modal *, ion-action-sheet *, ion-alert *')].filter((element) => {
      const box = element.getBoundingClientRect()
      if (box.width < 2 || box.height < 2 || !element.checkVisibility({ visibilityProperty: true })) return false
      return (box.right > innerWidth + 1 || box.left < -1) && !swiped(element)
    })
    return found.slice(0, 3).map((element) => `${element.tagName}.${element.className} ends at ${element.getBoundingClientRect().right}`)
  }

  it('moves nothing where calm is asked for (2.3.3)', async () => {
    const moving = () => {
      const found = []
      const walkTree = (root) => {
        for (const element of root.querySelectorAll('*')) {
          const { transitionDuration, animationName, animationDuration, display } = getComputedStyle(element)
          const long = (text) => text.split(',').some((part) => parseFloat(part) > (part.includes('ms') ? 20 : 0.02))
          if (display !== 'none' && (long(transitionDuration) || (animationName !== 'none' && long(animationDuration)))) found.push(element.tagName + '.' + element.className)
          if (element.shadowRoot !== null) walkTree(element.shadowRoot)
        }
      }
      walkTree(document)
      return [...new Set(found)]
    }
    const places = [...WALL.slice(0, 2), ...PAGES.filter(({ name }) => ['/me', '/devices', '/feedback', 'a group', 'the menu of a group', 'logging out'].includes(name))]
    await walk(places, { viewport: PHONE, check: (page) => page.evaluate(moving) })
    const lively = await openApp(browser, { reducedMotion: 'no-preference' })
    await at(lively.page, '/me')
    assert.notDeepEqual(await lively.page.evaluate(moving), [], 'without that wish things do move, so the check sees them')
    await lively.close()
  })

  it('shows what is chosen where the system brings its own colours', async () => {
    const app = await openApp(browser, { forcedColors: 'active', reducedMotion: 'reduce' })
    const { page } = app
    world ??= await furnish(page, brands)
    const ring = (locator) => locator.evaluate((element) => getComputedStyle(element).outlineStyle)
    await at(page, '/me')
    const chosen = view(page).locator('label:has(input:checked)').first()
    assert.notEqual(await ring(chosen), 'none')
    assert.equal(await ring(view(page).locator('label:has(input[type=radio]:not(:checked))').first()), 'none')
    await shoot(page, 'forced-colours-me')
    await WALL.find(({ name }) => name === 'the wall with 4 windows').open(page, world)
    await page.locator('.hit').first().press('Space')
    assert.notEqual(await page.locator('.tile.selected').evaluate((tile) => getComputedStyle(tile, '::after').borderTopStyle), 'none')
    await shoot(page, 'forced-colours-wall')
    await app.close()
  })
})

describe('the wall without a pointer', { skip: WHY, timeout: 900_000 }, () => {
  let browser
  let app
  let page
  let world

  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  beforeEach(async () => {
    app = await openApp(browser, { reducedMotion: 'reduce' })
    page = app.page
    await emptied(page)
    world = await furnish(page, brands.filter(({ personality }) => personality === 'dahua'))
    await rpc(page, 'settings.set', { layout: 4 })
    await at(page, '/home')
    await untilPlaying(page, 4)
  })
  afterEach(async (context) => {
    await shoot(page, `keys-end-${context.name.replace(/\W+/g, '-')}`).catch(() => undefined)
    await app.close()
  })

  const press = (key) => page.keyboard.press(key)
  /** Where the keyboard is: the number of a window, or what the element is. */
  const place = () => page.evaluate(() => {
    const at = document.activeElement
    if (at === null || at === document.body) return 'nowhere'
    const window = at.closest('.tile')?.dataset.index
    return at.matches('.hit') && window !== undefined ? Number(window) : at.dataset.tool ?? at.getAttribute('aria-label') ?? at.tagName
  })
  const isAt = (want) => until(`the focus at ${want}`, async () => (await place()) === want)
  const tiles = (count) => until(`${count} windows`, async () => (await page.locator('.tile').count()) === count)
  const sheet = () => page.locator('ion-modal:visible, ion-action-sheet:visible')
  async function closed() {
    await press('Escape')
    await until('the overlay gone', async () => (await sheet().count()) === 0)
  }
  async function intoTheWall() {
    for (let n = 0; n < 30; n += 1) {
      if (typeof await place() === 'number') return
      await press('Tab')
    }
    throw new Error(`Tab never came to a window, but to ${await place()}`)
  }

  it('is reached, walked, enlarged, paged, closed and filled', async () => {
    await intoTheWall()
    await isAt(0)
    await press('ArrowDown')
    await isAt(1)
    await press('Enter')
    await tiles(1)
    await isAt(1)
    await press('Escape')
    await tiles(4)
    await isAt(1)
    await press('PageDown')
    await until('a window of the next page', async () => (await place()) >= 4)
    await press('PageUp')
    await until('a window of the first page', async () => (await place()) < 4)

    await press('ArrowDown')
    const closing = await place()
    await press('Delete')
    await page.locator('.tile.empty').waitFor()
    await isAt(closing)
    await press('Enter')
    await page.locator('ion-modal:visible').waitFor()
    await quiet(page)
    for (let n = 0; n < 10 && !(await page.evaluate(() => document.activeElement?.matches('button.row'))); n += 1) await press('Tab')
    await press('Enter')
    // The first camera of the list; where it was before there is an empty window now.
    await page.locator(`.tile[data-index="${closing}"]:not(.empty)`).waitFor()
    await until('no overlay', async () => (await sheet().count()) === 0)
    await isAt(closing)
  })

  it('has its tools, its recordings and pictures, its zoom, and gives the focus back after every sheet', async () => {
    const files = async () => (await rpc(page, 'files.list')).files.length
    await intoTheWall()
    await press('ArrowDown')
    await isAt(1)
    const before = await files()
    await press('s')
    await until('a picture', async () => (await files()) === before + 1, PICTURE_MS)
    await press('r')
    await until('a recording', async () => (await rpc(page, 'record.list')).recordings.length === 1, PICTURE_MS)
    await until('and it says so', async () => /, recording/.test(await page.locator('.tile[data-index="1"] .hit').getAttribute('aria-label')))
    await press('r')
    await until('no recording', async () => (await rpc(page, 'record.list')).recordings.length === 0, PICTURE_MS)
    await isAt(1)

    await press('+')
    await press('+')
    await until('zoomed', async () => /zoomed/.test(await page.locator('.tile[data-index="1"] .hit').getAttribute('aria-label')))
    await press('ArrowRight')
    await isAt(1)
    await press('0')
    await until('whole', async () => !/zoomed/.test(await page.locator('.tile[data-index="1"] .hit').getAttribute('aria-label')))

    await press('t')
    await isAt('layout')
    await press('ArrowRight')
    await isAt('cameras')
    await press('End')
    await isAt('order')
    await press('Escape')
    await isAt(1)

    for (const key of ['o', 'a', 'c', 'x', '?']) {
      await press(key)
      await sheet().waitFor()
      await quiet(page)
      assert.deepEqual(await violations(page), [], `what ${key} opens`)
      if (key === '?') await shoot(page, 'keys')
      await closed()
      await isAt(1)
    }
    await press('l')
    await until('the layouts', () => page.evaluate(() => document.activeElement?.matches('.layouts input')))
    await press('ArrowRight')
    await tiles(6)
    await press('Enter')
    await isAt('layout')
    await press('Escape')
    await isAt(1)
    await press('g')
    await until('the groups', () => page.evaluate(() => document.activeElement?.closest('.bar') !== null))
  })

  it('moves a camera, and lets go of it', async () => {
    const calls = []
    page.on('request', (request) => { if (/rpc\/control\.(hold|stop)/.test(request.url())) calls.push(request.url().split('.').at(-1)) })
    await PANELS[0].open(page, world)
    await view(page).locator('.dock .tab').first().press('Enter')
    await view(page).locator('.dock .panel').waitFor({ state: 'detached' })
    await page.locator('.hit').first().focus()
    const where = await place()
    await press('z')
    await view(page).getByText(/^Moving /).waitFor()
    await isAt(where)
    await page.keyboard.down('ArrowLeft')
    await until('it moves', () => calls.includes('hold'))
    await page.keyboard.up('ArrowLeft')
    await until('it stops', () => calls.at(-1) === 'stop')
    await press('Escape')
    await view(page).locator('.dock .panel').waitFor({ state: 'detached' })
    await isAt(where)
  })

  it('goes to another page at its title, and comes back to where it was', async () => {
    await intoTheWall()
    await press('t')
    await isAt('layout')
    await view(page).locator('[data-tool=files]').focus()
    await press('Enter')
    await page.waitForURL('**/#/files')
    await isAt('H1')
    await press('Shift+Tab')
    await isAt('Back')
    await press('Enter')
    await page.waitForURL('**/#/home')
    await isAt('files')
  })

  it('keeps nobody in: Tab goes on from the wall to the tabs, and back', async () => {
    await intoTheWall()
    const seen = []
    for (let n = 0; n < 40 && seen.at(-1) !== 'ION-TAB-BUTTON'; n += 1) {
      await press('Tab')
      seen.push(await page.evaluate(() => {
        const at = document.activeElement
        return at.tagName === 'ION-TAB-BUTTON' || at.closest('ion-tab-bar') !== null ? 'ION-TAB-BUTTON' : at.outerHTML.slice(0, 80)
      }))
    }
    assert.equal(seen.at(-1), 'ION-TAB-BUTTON', seen.join('\n'))
    await press('Shift+Tab')
    assert.notEqual(await place(), 'nowhere')
  })

  it('is quiet while all is well, and says once what failed and what came back', async () => {
    const status = page.locator('.wall > [role=status]')
    await page.evaluate(() => {
      window.__said = []
      new MutationObserver(() => window.__said.push(document.querySelector('.wall > [role=status]').textContent))
        .observe(document.querySelector('.wall > [role=status]'), { childList: true, characterData: true, subtree: true })
    })
    const name = () => page.locator('.tile[data-index="0"] .hit').getAttribute('aria-label')
    assert.match(await name(), /^Front gate, live, (under|over) \d+ s, SD$/)
    await new Promise((resolve) => setTimeout(resolve, 4000))
    assert.deepEqual(await page.evaluate(() => window.__said), [])

    await page.route('**/rpc/live.open', (request) => request.fulfill({
      json: { err: { code: 'forbidden', detail: 'test', retryAfterMs: null, triesLeft: null } },
    }))
    await goTab(page, 'me')
    await goTab(page, 'home')
    await until('words', async () => /No picture from \d+ cameras|This user may not watch/.test(await status.textContent()), PICTURE_MS)
    assert.match(await name(), /^Front gate, This user may not watch/)
    await page.unroute('**/rpc/live.open')
  })
})
