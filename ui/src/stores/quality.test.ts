import { afterEach, beforeEach, expect, it } from 'vitest'
import { nextTick, watch } from 'vue'
import { usePlatform } from '@/api/client'
import { FakePlatform } from '@/platform/fake'
import { quality } from './quality'
import { settings } from './settings'

const gate = { device: 'a', channel: 1 }
const yard = { device: 'a', channel: 2 }

beforeEach(async () => {
  window.localStorage.clear()
  quality.reload()
  usePlatform(new FakePlatform())
  await settings.load()
})
afterEach(() => window.localStorage.clear())

it('follows the settings, but for channels with a mode of their own, which is remembered', async () => {
  expect(quality.of(gate)).toEqual({ mode: 'auto', delayMs: 400 })
  quality.set(gate, 'fluent')
  await settings.set({ qualityMode: 'realTime', fluentDelayMs: 900 })
  expect([quality.of(gate), quality.of(yard)]).toEqual([{ mode: 'fluent', delayMs: 900 }, { mode: 'realTime', delayMs: 900 }])
  quality.reload()
  expect(quality.ownOf(gate)).toBe('fluent')
  quality.set(gate, null)
  quality.reload()
  expect(quality.of(gate).mode).toBe('realTime')
})

it('tells of every change', async () => {
  let told = 0
  const stop = watch(quality.changes, () => { told++ })
  quality.set(yard, 'realTime')
  await nextTick()
  await settings.set({ fluentDelayMs: 700 })
  await nextTick()
  expect(told).toBeGreaterThanOrEqual(2)
  stop()
})

it.each(['nonsense', '{}', '[[1,"auto"],["1 a","slow"],null]'])('is not led astray by %s in the storage', (stored) => {
  window.localStorage.setItem('bartizan.quality', stored)
  quality.reload()
  expect(quality.ownOf(gate)).toBeNull()
})
