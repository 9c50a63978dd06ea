import { beforeEach, expect, it } from 'vitest'
import { followPages } from './arrive'

const page = (id: string): HTMLElement => document.getElementById(id)!
const go = (from: string, to: string): void => {
  page(from).dispatchEvent(new CustomEvent('ionViewWillLeave'))
  page(to).dispatchEvent(new CustomEvent('ionViewDidEnter'))
}
followPages(document)

beforeEach(() => {
  document.body.innerHTML = '<div id="list"><h1>List</h1><button id="row">row</button></div><div id="form"><h1>Form</h1><input id="name"></div><ion-alert><button id="ok"></button></ion-alert>'
  // Nothing is laid out here.
  Object.defineProperty(page('row'), 'offsetParent', { value: document.body })
})

it('begins a page at its title and goes on where the old one was left', () => {
  page('row').focus()
  go('list', 'form')
  expect(document.activeElement).toBe(page('form').querySelector('h1'))
  go('form', 'list')
  expect(document.activeElement).toBe(page('row'))
  expect(page('row').hasAttribute('tabindex')).toBe(false)
})

it('leaves the focus to a page or an overlay that has taken it', () => {
  page('name').focus()
  page('form').dispatchEvent(new CustomEvent('ionViewDidEnter'))
  expect(document.activeElement).toBe(page('name'))
  page('ok').focus()
  page('list').dispatchEvent(new CustomEvent('ionViewDidEnter'))
  expect(document.activeElement).toBe(page('ok'))
})
