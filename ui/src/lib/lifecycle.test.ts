import { describe, expect, test } from 'vitest'
import { initialLife, isFront, KEPT_MS, type LifeEvent, type LifeState, step, TICK_MS } from './lifecycle'

/** Runs events, each so many milliseconds after the one before; `asleep` passes on the clock of the wall alone. */
function run(events: [LifeEvent, number, number?][], from: LifeState = initialLife(true, { steadyMs: 0, wallMs: 1e12 })) {
  let state = from
  let [steadyMs, wallMs] = [0, 1e12]
  const told: string[] = []
  for (const [event, ms, asleep] of events) {
    steadyMs += ms
    wallMs += ms + (asleep ?? 0)
    const { state: next, effects } = step(state, event, { steadyMs, wallMs })
    state = next
    for (const effect of effects) told.push(effect.type === 'leave' ? 'leave' : `return ${effect.awayMs} ${effect.kept}`)
    expect(isFront(state)).toBe(state.visible && !state.frozen && !state.left)
  }
  return { told, state }
}

describe('the life cycle', () => {
  test('leaves once, however often it is told, and returns once', () => {
    expect(run([['hidden', 0], ['frozen', 10], ['left', 10], ['entered', 5000], ['thawed', 1], ['visible', 1], ['visible', 1]]).told)
      .toEqual(['leave', 'return 5022 true'])
  })

  test('a page that is hidden and thawed is still in the background', () => {
    expect(run([['hidden', 0], ['frozen', 10], ['thawed', 1000]]).told).toEqual(['leave'])
    expect(run([['left', 0], ['hidden', 1], ['entered', 1]]).told).toEqual(['leave'])
  })

  test('after thirty seconds the core has let go', () => {
    expect(run([['hidden', 0], ['visible', KEPT_MS - 1]]).told).toEqual(['leave', `return ${KEPT_MS - 1} true`])
    expect(run([['hidden', 0], ['visible', KEPT_MS]]).told).toEqual(['leave', `return ${KEPT_MS} false`])
  })

  test('asleep in the background, the steady clock may have stood still', () => {
    expect(run([['hidden', 0], ['visible', 100, 3_600_000]]).told).toEqual(['leave', 'return 3600100 false'])
  })

  test('a sleep in front is a time in the background', () => {
    expect(run([['tick', TICK_MS], ['tick', TICK_MS, 600_000], ['tick', TICK_MS]]).told).toEqual(['leave', 'return 602000 false'])
    expect(run([['tick', TICK_MS], ['resumed', 20_000]]).told, 'stopped without a word').toEqual(['leave', 'return 20000 true'])
  })

  test('a busy page, a dialogue of the system and a clock that is set are none', () => {
    expect(run([['tick', TICK_MS], ['tick', 9000], ['suspended', 100], ['resumed', 1500], ['tick', 500, -3_600_000]]).told).toEqual([])
  })

  test('what begins in the background waits', () => {
    const hidden = initialLife(false, { steadyMs: 0, wallMs: 1e12 })
    expect(run([['tick', 100], ['visible', 900]], hidden).told).toEqual(['return 1000 true'])
  })
})
