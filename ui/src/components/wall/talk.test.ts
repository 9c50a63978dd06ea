import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick, reactive, ref, shallowRef } from 'vue'
import { usePlatform } from '@/api/client'
import { CODES } from '@/api/generated'
import { HOLD_MS } from '@/control/press'
import { setLocale } from '@/i18n'
import { type MicEvents, MicError } from '@/media/talk/microphone'
import { settle } from '@/media/testing'
import { failure, FakePlatform } from '@/platform/fake'
import { lifecycle } from '@/stores/life'
import { network } from '@/stores/network'
import { protection } from '@/stores/protection'
import { talk } from '@/stores/talk'
import { emptyView, type TileView } from '@/wall/tile'
import { useHeldKey } from './heldkey'
import TalkBadge from './TalkBadge.vue'
import { talkTrouble, useTalk } from './talk'
import ToolStrip from './ToolStrip.vue'
import type { WallTool } from './tools'

const toasts: string[] = []
vi.mock('@/lib/toast', () => ({ toast: (text: string) => Promise.resolve(void toasts.push(text)) }))

const window_ = (index: number, name: string): TileView => ({
  ...emptyView(index, { x: 0, y: 0, width: 300, height: 170 }, false), visible: true, channel: { device: 'd', channel: index + 1, name, hasSub: true },
})

/** A component around what belongs to one. */
const within = (setup: () => void) => mount(defineComponent({ setup() {
  setup()
  return () => h('i')
} }))

let core: FakePlatform
let said: string[]
let mics: { events: MicEvents; closed: boolean }[]
let refuse: MicError | null
const target = ref<number | null>(0)
const entered = ref(true)
const views = shallowRef<TileView[]>([])
let wall: ReturnType<typeof within>
let made: ReturnType<typeof useTalk>

const calls = (): string[] => core.calls.map(({ name }) => name).filter((name) => name.startsWith('talk.') && name !== 'talk.send')
const view = (index: number): TileView | null => views.value.find((one) => one.index === index) ?? null
const run = async (): Promise<void> => {
  made.tool.value.run()
  await settle()
}

beforeEach(() => {
  toasts.length = 0
  said = []
  mics = []
  refuse = null
  core = new FakePlatform()
  usePlatform(core)
  Object.assign(target, { value: 0 })
  entered.value = true
  views.value = [window_(0, 'Gate'), window_(1, 'Yard')]
  talk.useMicrophone((_options, events) => {
    if (refuse !== null) return Promise.reject(refuse)
    const mic = { events, closed: false }
    mics.push(mic)
    return Promise.resolve({ close: () => { mic.closed = true } })
  })
  wall = within(() => {
    made = useTalk({
      views, view, target: () => (target.value === null ? null : view(target.value)), entered: () => entered.value, say: (text) => said.push(text), show: () => undefined,
    })
  })
})
afterEach(() => {
  wall.unmount()
  protection.reset()
  setLocale('en')
})

describe('the tool', () => {
  it('calls and hangs up, and says so', async () => {
    expect(made.tool.value).toMatchObject({ id: 'talk', label: 'Talk to Gate', pressed: false, disabled: false })
    await run()
    expect(made.tool.value).toMatchObject({ label: 'Stop talking to Gate', pressed: true })
    expect(talk.state).toMatchObject({ channel: { name: 'Gate' }, phase: 'talking' })
    expect(core.talking).toBe('t1')
    await run()
    expect([core.talking, mics[0]!.closed, talk.state.channel]).toEqual([null, true, null])
    expect(said).toEqual(['Calling Gate', 'Talking to Gate', 'Talk ended'])
    expect(calls()).toEqual(['talk.start', 'talk.stop'])
  })

  it('begins nothing where the network costs and nothing was agreed to', async () => {
    usePlatform(Object.assign(core, { network: { metered: () => true, onChange: () => undefined } }))
    await network.start()
    expect(network.allowance.value).toBe('none')
    await run()
    expect([calls(), mics, toasts.length]).toEqual([[], [], 1])
    usePlatform(Object.assign(core, { network: { metered: () => false, onChange: () => undefined } }))
    await network.look()
    await run()
    expect(calls()).toEqual(['talk.start'])
  })

  it('is about no window when there is none, but still ends a call', async () => {
    await run()
    target.value = null
    expect(made.tool.value).toMatchObject({ label: 'Stop talking to Gate', disabled: false })
    await run()
    expect(made.tool.value).toMatchObject({ label: 'Talk', disabled: true })
  })

  it('on another window ends the first call', async () => {
    await run()
    target.value = 1
    expect(made.tool.value).toMatchObject({ label: 'Talk to Yard', pressed: false })
    await run()
    expect([mics.map(({ closed }) => closed), talk.state.channel?.name]).toEqual([[true, false], 'Yard'])
    expect(calls()).toEqual(['talk.start', 'talk.stop', 'talk.start'])
    mics[0]!.events.frame(new Int16Array(320))
    expect(core.calls.filter(({ name }) => name === 'talk.send')).toEqual([])
  })

  it('held: talks while it is held', async () => {
    made.tool.value.hold!.begin()
    await settle()
    expect(talk.state.phase).toBe('talking')
    made.tool.value.hold!.end()
    expect(core.talking).toBeNull()
  })

  it('the line of the menu is its twin', async () => {
    made.toggle(1)
    await settle()
    expect(talk.isOn({ device: 'd', channel: 2 })).toBe(true)
    made.toggle(1)
    expect(talk.state.channel).toBeNull()
    made.toggle(9)
    expect(talk.state.channel).toBeNull()
  })
})

describe('a call ends', () => {
  it.each<[string, () => void]>([
    ['its window is closed', () => { views.value = [emptyView(0, { x: 0, y: 0, width: 300, height: 170 }, true), window_(1, 'Yard')] }],
    ['its window shows another channel', () => { views.value = [window_(0, 'Gate')].map((one) => ({ ...one, channel: { ...one.channel!, channel: 9 } })) }],
    ['its window is on another page', () => { views.value = views.value.map((one) => ({ ...one, visible: one.index === 1 })) }],
    ['the wall is left', () => { entered.value = false }],
    ['the app is locked', () => { (protection.state as { locked: boolean }).locked = true }],
    ['the wall is gone', () => wall.unmount()],
  ])('when %s', async (_, act) => {
    await run()
    expect(core.talking).toBe('t1')
    act()
    await nextTick()
    expect([core.talking, mics[0]!.closed, talk.state.channel]).toEqual([null, true, null])
  })

  it('but not when its window goes elsewhere on the wall', async () => {
    await run()
    views.value = [window_(1, 'Yard'), { ...window_(0, 'Gate'), index: 3 }]
    await nextTick()
    expect(core.talking).toBe('t1')
  })

  it('when the page goes to the background, before the event is over', async () => {
    lifecycle.start()
    await run()
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
    document.dispatchEvent(new Event('visibilitychange'))
    expect([core.talking, mics[0]!.closed]).toEqual([null, true])
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'visible' })
    document.dispatchEvent(new Event('visibilitychange'))
  })

  it('when the microphone does, and says so', async () => {
    await run()
    mics[0]!.events.ended()
    expect(core.talking).toBeNull()
    expect(toasts).toEqual([expect.stringContaining('The microphone stopped')])
  })
})

describe('a failure', () => {
  it('of the microphone says what to do, and calls nobody', async () => {
    refuse = new MicError('micDenied', 'raw')
    await run()
    expect(toasts).toEqual(['Bartizan may not use the microphone. Allow it in the settings of the system or the browser, then try again.'])
    expect([calls(), talk.state.channel]).toEqual([[], null])
  })

  it('of the camera is told in terms of talking', async () => {
    core.overrides['talk.start'] = () => { throw failure('deviceBusy') }
    await run()
    expect(toasts[0]).toMatch(/^Somebody else is talking to Gate\./)
    expect(mics[0]!.closed).toBe(true)
  })

  it('of the lock screen is told by the lock screen', async () => {
    core.overrides['talk.start'] = () => { throw failure('appLocked') }
    await run()
    expect(toasts).toEqual([])
  })

  it.each(['en', 'zh'] as const)('has a sentence and a cure for every code, in %s', (locale) => {
    setLocale(locale)
    for (const code of [...CODES, 'shellGone', 'micDenied', 'micMissing', 'micBusy', 'micUnsupported'] as const) {
      const text = talkTrouble('Gate', code)
      expect(text.length, code).toBeGreaterThan(12)
      expect(text, code).not.toMatch(/(talk|code)\.\w|[{}]/)
    }
  })
})

describe('a press of the tool', () => {
  let told: string[]
  let strip: ReturnType<typeof mount<typeof ToolStrip>>
  const button = () => strip.get<HTMLButtonElement>('[data-tool=talk]')
  const pointer = (name: string, more: Partial<PointerEvent> = {}) => button().trigger(name, { isPrimary: true, button: 0, pointerId: 1, clientX: 5, clientY: 5, ...more })

  beforeEach(() => {
    told = []
    vi.useFakeTimers()
    const tool: WallTool = {
      id: 'talk', icon: '', text: 'Talk', label: 'Talk', run: () => told.push('tap'), hold: { begin: () => told.push('begin'), end: () => told.push('end') },
    }
    strip = mount(ToolStrip, { props: { tools: [tool], label: 'Tools' }, attachTo: document.body })
    Object.assign(button().element, { setPointerCapture: () => told.push('capture') })
  })
  afterEach(() => {
    strip.unmount()
    vi.useRealTimers()
  })

  it('short: a click, once', async () => {
    await pointer('pointerdown')
    await pointer('pointerup')
    await button().trigger('click')
    expect(told).toEqual(['tap'])
  })

  it('long: begins, ends wherever the finger is, and is no click', async () => {
    await pointer('pointerdown')
    vi.advanceTimersByTime(HOLD_MS)
    const swipe = new TouchEvent('touchmove', { cancelable: true, bubbles: true })
    button().element.dispatchEvent(swipe)
    expect(swipe.defaultPrevented, 'the strip stays').toBe(true)
    await pointer('pointerleave')
    await pointer('pointermove', { clientX: 500 })
    expect(told).toEqual(['capture', 'begin'])
    await pointer('pointerup')
    await pointer('lostpointercapture')
    await button().trigger('click')
    expect(told).toEqual(['capture', 'begin', 'end'])
    await pointer('pointerdown')
    await pointer('pointerup')
    await button().trigger('click')
    expect(told.at(-1)).toBe('tap')
  })

  it('that swipes the strip is neither', async () => {
    await pointer('pointerdown')
    const swipe = new TouchEvent('touchmove', { cancelable: true, bubbles: true })
    button().element.dispatchEvent(swipe)
    expect(swipe.defaultPrevented).toBe(false)
    await pointer('pointercancel')
    vi.advanceTimersByTime(HOLD_MS)
    expect(told).toEqual([])
  })

  it('opens no menu, and of the other buttons of a mouse nothing', async () => {
    const menu = new Event('contextmenu', { cancelable: true, bubbles: true })
    button().element.dispatchEvent(menu)
    expect(menu.defaultPrevented).toBe(true)
    await pointer('pointerdown', { button: 2 })
    vi.advanceTimersByTime(HOLD_MS)
    expect(told).toEqual([])
  })

  it.each([' ', 'Enter'])('by the key %j does the same', async (key) => {
    await button().trigger('keydown', { key })
    await button().trigger('keyup', { key })
    expect(told).toEqual(['tap'])
    await button().trigger('keydown', { key })
    vi.advanceTimersByTime(HOLD_MS)
    await button().trigger('keydown', { key, repeat: true })
    expect(told).toEqual(['tap', 'begin'])
    await button().trigger('blur')
    await button().trigger('keyup', { key })
    expect(told).toEqual(['tap', 'begin', 'end'])
  })

  it('by the key of the wall too', () => {
    const tool = reactive({ disabled: true })
    let key!: ReturnType<typeof useHeldKey>
    const stage = within(() => {
      key = useHeldKey({ tool: () => ({ ...strip.props('tools')[0]!, ...tool }), tap: (id) => told.push(`press ${id}`) })
    })
    key.press('talk', 'v')
    key.lift({ key: 'x' })
    key.lift({ key: 'V' })
    expect(told).toEqual(['press talk'])
    key.press('talk', 'v')
    vi.advanceTimersByTime(HOLD_MS)
    expect(told, 'what its button may not do').toEqual(['press talk'])
    key.forget()
    tool.disabled = false
    told = []
    key.press('talk', 'v')
    vi.advanceTimersByTime(HOLD_MS)
    stage.unmount()
    key.lift({ key: 'v' })
    expect(told).toEqual(['begin', 'end'])
  })
})

it('the badge says what the call is doing', async () => {
  let take: () => void = () => undefined
  const answer = new Promise<void>((resolve) => { take = resolve })
  const { rpc } = core
  core.rpc = async (name, request) => {
    if (name === 'talk.start') await answer
    return rpc.call(core, name, request)
  }
  made.tool.value.run()
  const badge = mount(TalkBadge, { props: { name: 'Gate', nowMs: 0, small: false, narrow: false } })
  expect(badge.text()).toContain('Microphone…')
  await settle()
  await nextTick()
  expect(badge.text()).toContain('Connecting…')
  take()
  await settle()
  mics[0]!.events.frame(new Int16Array(320).fill(9000))
  await badge.setProps({ nowMs: talk.state.sinceMs! + 65_000 })
  expect(badge.text()).toContain('Talking')
  expect(badge.text()).toContain('1:05')
  expect(badge.get('.meter span').attributes('style')).toMatch(/scaleX\(0\.[5-9]/)
  await badge.setProps({ narrow: true })
  expect([badge.find('.words').exists(), badge.find('.time').exists()]).toEqual([false, true])
  await badge.setProps({ small: true })
  expect(badge.find('.time').exists()).toBe(false)
  expect(badge.text()).toBe('Talking to Gate')
})
