import { mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick, ref, shallowRef } from 'vue'
import { usePicture, zoomKey, zoomText } from './usepicture'
import ViewPanel from './ViewPanel.vue'
import ZoomBadge from './ZoomBadge.vue'
import { looks } from '@/stores/looks'
import { startOf } from '@/wall/fisheye'
import { PLAIN } from '@/wall/look'
import type { TileView } from '@/wall/wall'

const view: TileView = {
  index: 3, channel: { device: 'a', channel: 1, name: 'Gate', hasSub: true }, phase: 'playing', code: null,
  detail: null, retryAtMs: null, ageMs: null, hasPicture: true, profile: 'main', path: null, transport: null, width: 0,
  height: 0, rect: { x: 10, y: 20, width: 400, height: 225 }, visible: true, selected: false, enlarged: false, zoom: 2.5,
}

beforeEach(() => {
  window.localStorage.clear()
  looks.reset()
})

it('tells no more digits than anybody sees', () => {
  expect([1, 1.04, 2.5, 3.96, 7.96, 8].map(zoomText)).toEqual(['1', '1', '2.5', '4', '8', '8'])
})

describe('keys', () => {
  const done: string[] = []
  let zoom = 2
  const wall = {
    zoomBy: (index: number, factor: number) => void done.push(`zoom ${index} ${factor}`),
    zoomOf: () => zoom,
    panBy: (index: number, right: number, down: number) => { done.push(`pan ${index} ${right},${down}`); return zoom > 1 },
    resetZoom: (index: number) => void done.push(`reset ${index}`),
  }
  const press = (key: string, more: KeyboardEventInit = {}): boolean => zoomKey(wall, 3, new KeyboardEvent('keydown', { key, ...more }))
  beforeEach(() => { done.length = 0; zoom = 2 })

  it('do what fingers do', () => {
    for (const key of ['+', '=', '-', '0', 'ArrowLeft', 'ArrowDown', 'Escape']) expect(press(key)).toBe(true)
    expect(done).toEqual(['zoom 3 1.25', 'zoom 3 1.25', 'zoom 3 0.8', 'reset 3', 'pan 3 -1,0', 'pan 3 0,1', 'reset 3'])
  })

  it('leave the others alone: the browser’s own, arrows that choose a window, Escape that leaves one', () => {
    expect(press('+', { ctrlKey: true })).toBe(false)
    expect(press('a')).toBe(false)
    expect(press('ArrowLeft', { shiftKey: true })).toBe(false)
    expect(done).toEqual([])
    zoom = 1
    expect(press('ArrowLeft')).toBe(false)
    expect(press('Escape')).toBe(false)
  })
})

it('says a zoom once it stands, and the way back', async () => {
  vi.useFakeTimers()
  const views = shallowRef<TileView[]>([])
  const said = ref('')
  const host = mount({ setup: () => { usePicture(() => null, views, said); return () => null } })
  for (const zoom of [1.5, 2, 2.5]) {
    views.value = [{ ...view, zoom }]
    await nextTick()
  }
  expect(said.value).toBe('')
  await vi.advanceTimersByTimeAsync(600)
  expect(said.value).toBe('Gate: zoomed 2.5 times')
  views.value = [{ ...view, zoom: 1 }]
  await vi.advanceTimersByTimeAsync(600)
  expect(said.value).toBe('Gate: all of the picture')
  host.unmount()
  vi.useRealTimers()
})

it('a badge names its window and goes back', async () => {
  const badge = mount(ZoomBadge, { props: { view } })
  expect(badge.attributes('aria-label')).toBe('2.5×: show all of the picture of Gate')
  await badge.trigger('click')
  expect(badge.emitted('reset')).toHaveLength(1)
})

describe('the panel', () => {
  const panel = (more: Partial<InstanceType<typeof ViewPanel>['$props']> = {}) =>
    mount(ViewPanel, { props: { zoom: 1, look: PLAIN, dewarps: true, ...more } })
  const button = (on: ReturnType<typeof panel>, name: string) => on.get<HTMLButtonElement>(`button[aria-label="${name}"]`)

  it('has a button for every gesture', async () => {
    const on = panel({ zoom: 2 })
    for (const name of ['Closer', 'Farther', 'All of the picture', 'Look left', 'Look up']) await button(on, name).trigger('click')
    expect(on.emitted('zoom')).toEqual([[1.25], [0.8]])
    expect(on.emitted('whole')).toHaveLength(1)
    expect(on.emitted('pan')).toEqual([[-1, 0], [0, -1]])
    const whole = panel()
    expect(['Farther', 'All of the picture', 'Look right'].map((name) => button(whole, name).element.disabled)).toEqual([true, true, true])
    expect(button(panel({ zoom: 8 }), 'Closer').element.disabled).toBe(true)
  })

  it('offers the views that a mount has, and keeps the circle', async () => {
    const circle = { x: 0.4, y: 0.5, radius: 0.4 }
    const on = panel({ look: { ...PLAIN, hue: 60, fisheye: startOf('ceiling', 'eptz', circle) } })
    expect(on.findAll('input[type=radio]')).toHaveLength(7)
    expect(button(on, 'Look right').element.disabled).toBe(false)
    await on.get('input[value=wall]').setValue(true)
    expect(on.emitted('look')?.at(-1)).toEqual([{ ...PLAIN, hue: 60, fisheye: startOf('wall', 'eptz', circle) }])
    await on.get('input[value=panorama]').setValue(true)
    expect(on.emitted('look')?.at(-1)).toMatchObject([{ fisheye: { view: 'panorama', circle } }])
    await on.get('input[value=off]').setValue(true)
    expect(on.emitted('look')?.at(-1)).toMatchObject([{ fisheye: null, hue: 60 }])
    await on.findAll('input[type=range]')[2]?.setValue('0.7')
    expect(on.emitted('look')?.at(-1)).toMatchObject([{ fisheye: { circle: { ...circle, radius: 0.7 } } }])
    await on.get('details button').trigger('click')
    expect(on.emitted('look')?.at(-1)).toMatchObject([{ fisheye: { circle: null } }])
  })

  it('says plainly where nothing can be straightened', () => {
    const on = panel({ dewarps: false })
    expect(on.text()).toContain('cannot be straightened here')
    expect(on.findAll('input')).toHaveLength(0)
    expect(button(on, 'Closer').element.disabled).toBe(false)
  })
})
