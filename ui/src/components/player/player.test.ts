import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import TimeLine from './TimeLine.vue'
import TransportBar from './TransportBar.vue'
import { playerKey } from './keys'

const press = (key: string, shiftKey = false) => playerKey({ key, shiftKey, ctrlKey: false, altKey: false, metaKey: false })

describe('the keys of the player', () => {
  it('do what the page says', () => {
    expect(press(' ')).toEqual({ do: 'toggle' })
    expect(press('K')).toEqual({ do: 'toggle' })
    expect(press(',')).toEqual({ do: 'step', by: -1 })
    expect(press('.')).toEqual({ do: 'step', by: 1 })
    expect(press('j')).toEqual({ do: 'rate', by: -1 })
    expect(press('L')).toEqual({ do: 'rate', by: 1 })
    expect(press('ArrowLeft')).toMatchObject({ do: 'arrow', seconds: -10 })
    expect(press('ArrowRight', true)).toMatchObject({ do: 'arrow', seconds: 60 })
    expect(press('End')).toEqual({ do: 'end', last: true })
    expect(press('PageDown')).toEqual({ do: 'turn', by: 1 })
    expect(press('m')).toEqual({ do: 'sound' })
    expect(press('x')).toBeNull()
  })

  it('leave the browser its own', () => {
    for (const held of ['ctrlKey', 'altKey', 'metaKey']) {
      expect(playerKey({ key: 's', shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, [held]: true })).toBeNull()
    }
  })
})

describe('the time line', () => {
  it('tells where it is in words, scrubs while dragged and seeks where it is let go', async () => {
    const line = mount(TimeLine, { props: { atUs: 62_340_000, durationUs: 1_800_000_000, tenths: true } })
    const range = line.get('input')
    expect(range.attributes('aria-valuetext')).toBe('1:02.3 of 30:00')
    range.element.value = '90000'
    await range.trigger('input')
    expect(line.emitted('scrub')).toEqual([[90_000_000]])
    await range.trigger('change')
    expect(line.emitted('seek')).toEqual([[90_000_000]])
    const arrow = new KeyboardEvent('keydown', { key: 'ArrowLeft', cancelable: true, bubbles: true })
    range.element.dispatchEvent(arrow)
    expect(arrow.defaultPrevented).toBe(true)
  })
})

describe('the transport', () => {
  it('has a name for each button and ends at the slowest and the fastest', async () => {
    const bar = mount(TransportBar, { props: { playing: false, ended: false, rate: 0.125 } })
    expect(bar.findAll('button').map((button) => button.attributes('aria-label'))).toEqual([
      '10 seconds back', 'One picture back', 'Play', 'One picture on', '10 seconds on', 'Slower', 'Faster',
    ])
    expect(bar.text()).toContain('⅛×')
    expect(bar.get('[aria-label="Slower"]').attributes('disabled')).toBeDefined()
    await bar.get('[aria-label="One picture back"]').trigger('click')
    await bar.get('[aria-label="Faster"]').trigger('click')
    expect(bar.emitted('step')).toEqual([[-1]])
    expect(bar.emitted('rate')).toEqual([[1]])
    await bar.setProps({ playing: true, rate: 16 })
    expect(bar.get('.main').attributes('aria-label')).toBe('Pause')
    expect(bar.get('[aria-label="Faster"]').attributes('disabled')).toBeDefined()
    await bar.setProps({ playing: false, ended: true })
    expect(bar.get('.main').attributes('aria-label')).toBe('Play again')
  })
})
