import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RouteLocationNormalized } from 'vue-router'
import { oneChangeAtATime } from './pageChanges'

type Guard = (to: RouteLocationNormalized, from: RouteLocationNormalized) => unknown

describe('one change of pages at a time', () => {
  let guard: Guard
  let outer: Element
  let inner: Element
  const place = (depth: number) => ({ matched: Array.from({ length: depth }) }) as unknown as RouteLocationNormalized
  const tell = (outlet: Element, what: 'Will' | 'Did') => outlet.dispatchEvent(new Event(`ionNav${what}Change`))

  /** Whether a change from one place to another has begun after so long. */
  async function begunAfter(ms: number, to: number, from: number) {
    let begun = false
    void Promise.resolve(guard(place(to), place(from))).then(() => { begun = true })
    await vi.advanceTimersByTimeAsync(ms)
    return () => begun
  }

  beforeEach(() => {
    vi.useFakeTimers()
    document.body.innerHTML = '<ion-router-outlet id="outer"><ion-tabs><ion-router-outlet id="inner"></ion-router-outlet></ion-tabs></ion-router-outlet>'
    outer = document.querySelector('#outer')!
    inner = document.querySelector('#inner')!
    const root = document.createElement('div')
    root.append(...document.body.childNodes)
    document.body.append(root)
    oneChangeAtATime({ beforeEach: (taken: unknown) => { guard = taken as Guard; return () => undefined } }, root)
  })
  afterEach(() => { vi.useRealTimers() })

  it('lets a change through at once when nothing moves', async () => {
    expect((await begunAfter(0, 2, 2))()).toBe(true)
    tell(inner, 'Will')
    tell(inner, 'Did')
    await vi.advanceTimersByTimeAsync(0)
    expect((await begunAfter(0, 2, 2))()).toBe(true)
  })

  it('waits for the change before it, and a moment more', async () => {
    tell(inner, 'Will')
    const begun = await begunAfter(500, 2, 2)
    expect(begun()).toBe(false)
    tell(inner, 'Did')
    await Promise.resolve()
    expect(begun()).toBe(false)
    await vi.advanceTimersByTimeAsync(0)
    expect(begun()).toBe(true)
  })

  it('between tabs waits for their outlet only, and otherwise for every one', async () => {
    tell(outer, 'Will')
    expect((await begunAfter(0, 2, 2))()).toBe(true)
    const away = await begunAfter(0, 1, 2)
    expect(away()).toBe(false)
    tell(inner, 'Will')
    tell(outer, 'Did')
    await vi.advanceTimersByTimeAsync(0)
    expect(away()).toBe(false)
    tell(inner, 'Did')
    await vi.advanceTimersByTimeAsync(0)
    expect(away()).toBe(true)
  })

  it('waits for no outlet that is gone', async () => {
    tell(inner, 'Will')
    expect((await begunAfter(0, 1, 1))()).toBe(false)
    inner.remove()
    expect((await begunAfter(0, 1, 1))()).toBe(true)
  })

  it('an outlet that never tells holds nobody up for long, and nobody twice', async () => {
    tell(inner, 'Will')
    const begun = await begunAfter(1900, 2, 2)
    expect(begun()).toBe(false)
    await vi.advanceTimersByTimeAsync(200)
    expect(begun()).toBe(true)
    expect((await begunAfter(0, 2, 2))()).toBe(true)
  })
})
