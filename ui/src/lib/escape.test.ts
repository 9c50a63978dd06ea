import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { escapePastToasts } from './escape'

const dismiss = vi.fn(() => Promise.resolve(true))
let page: Document

function overlay(tag: string, more: object = { backdropDismiss: true }): HTMLElement {
  return page.body.appendChild(Object.assign(page.createElement(tag), { dismiss, ...more }))
}
const escape = (): boolean => page.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', cancelable: true }))

describe('Escape', () => {
  beforeEach(() => {
    page = document.implementation.createHTMLDocument()
    escapePastToasts(page)
  })
  afterEach(() => { dismiss.mockClear() })

  it('closes the sheet that a toast is in front of', () => {
    overlay('ion-action-sheet')
    overlay('ion-toast', {})
    escape()
    expect(dismiss).toHaveBeenCalledExactlyOnceWith(undefined, 'backdrop')
  })

  it('leaves to Ionic what Ionic closes', () => {
    overlay('ion-toast', {})
    overlay('ion-action-sheet')
    escape()
    expect(dismiss).not.toHaveBeenCalled()
  })

  it('closes neither what is hidden nor what has to be answered', () => {
    overlay('ion-modal').classList.add('overlay-hidden')
    overlay('ion-alert', { backdropDismiss: false })
    overlay('ion-toast', {})
    escape()
    expect(dismiss).not.toHaveBeenCalled()
  })
})
