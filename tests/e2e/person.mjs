/** What a person does at the real window, by the names things have on screen. On top of webdriver.mjs. */
import { STEP_MS, until } from './lib.mjs'

const KINDS = {
  button: 'button, [role=button]',
  link: 'a[href]',
  radio: 'input[type=radio]',
  checkbox: 'input[type=checkbox]',
  field: 'input:not([type=radio]):not([type=checkbox]), select, textarea',
  toggle: 'ion-toggle',
}

/** Runs in the page: the thing of that kind and name that is on screen, what lies on top first. */
function findInPage([selector, name, isPattern]) {
  const pattern = isPattern ? new RegExp(name) : null
  const fits = (text) => (pattern ? pattern.test(text) : text === name)
  const shown = (one) => one.getClientRects().length > 0 && one.closest('.ion-page-hidden, .ion-page-invisible') === null
  const label = (one) => (one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.textContent ?? '').replace(/\s+/g, ' ').trim()
  const layers = [...document.querySelectorAll('ion-modal, ion-action-sheet, ion-alert, dialog[open], .viewer')].filter(shown).reverse()
  // What slides in would be missed by a press that aims at where it was.
  const overlay = (element) => element.closest?.('ion-modal, ion-action-sheet, ion-alert') ?? element.getRootNode?.().host?.closest?.('ion-modal, ion-action-sheet, ion-alert') ?? null
  if (document.getAnimations().some((one) => one.playState === 'running' && one.effect?.target && overlay(one.effect.target) !== null)) return null
  const toasts = [...document.querySelectorAll('ion-toast')].map((toast) => toast.shadowRoot).filter(Boolean)
  for (const root of [...layers, ...toasts, document]) {
    const found = [...root.querySelectorAll(selector)].find((one) => shown(one) && fits(label(one)))
    // Tools lie in strips that are swiped, and the driver swipes none.
    found?.closest('.strip')?.scrollTo({ left: found.offsetLeft - 60, behavior: 'instant' })
    // A radio's own box is often drawn by its label.
    if (found) return found.disabled ? null : (found.matches('[type=radio], [type=checkbox]') && found.closest('label')) || found
  }
  return null
}

/** `app` is an opened window. */
export function person(app) {
  const inPage = (fn, given) => app.run(`(${fn})(${JSON.stringify(given)})`)
  /** Null where there is none, and where it was drawn anew between being found and being handed out. */
  const find = (kind, name) => inPage(findInPage, [KINDS[kind], name instanceof RegExp ? name.source : name, name instanceof RegExp])
    .catch((error) => {
      if (!/stale element/.test(error.message)) throw error
      return null
    })
  /** Finds it and does something with it; what moves or is covered for a moment is tried again. */
  const act = (kind, name, what) => {
    let last = null
    return until(`${kind} ${name}`, async () => {
      const element = await find(kind, name)
      if (element === null) return null
      try {
        await what(element)
        return element
      } catch (error) {
        last = error
        return null
      }
    }).catch((error) => { throw last ?? error })
  }
  const click = (element) => app.click(element)
  return {
    inPage,
    find,
    press: (name) => act('button', name, click),
    follow: (name) => act('link', name, click),
    choose: (name) => act('radio', name, click),
    tick: (name) => act('checkbox', name, click),
    flip: (name) => act('toggle', name, click),
    fill: (name, text) => act('field', name, async (element) => {
      await app.clear(element)
      await app.type(element, text)
    }),
    shows: (what, expression, limit = STEP_MS) => until(what, () => app.run(expression).catch(() => null), limit),
    async tab(name) {
      await app.run(`document.querySelector('#tab-button-${name}').click()`)
      await until(name, async () => (await app.run('location.hash')) === `#/${name}`)
    },
    text: (words) => until(`“${words}”`, () => inPage((wanted) => {
      const on = [...document.querySelectorAll('ion-content, dialog[open], ion-modal, ion-alert')].filter((one) => one.getClientRects().length > 0)
      return on.some((one) => (one.innerText ?? '').includes(wanted))
    }, words)),
  }
}
