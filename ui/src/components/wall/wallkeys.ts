/**
 * Keys of the wall beside those for moving about. They are heard only while the wall has the focus (WCAG 2.1.4), and
 * each presses the button that it is the twin of, so that a key can do nothing that its button cannot.
 */
import type { TextKey } from '@/i18n'

/** Tools under the wall by their key; the id is that of `WallTool`. */
export const TOOL_KEYS: Readonly<Record<string, string>> = {
  r: 'record', s: 'snapshot', p: 'pause', f: 'fullScreen', c: 'cameras', l: 'layout', x: 'move', a: 'favourite', m: 'sound', v: 'talk', h: 'hourAgo',
}

export type WallKey = { tool: string } | { to: 'tools' | 'groups' | 'menu' | 'help' | 'ptz' }

const PLACES: Readonly<Record<string, WallKey>> = {
  t: { to: 'tools' }, g: { to: 'groups' }, o: { to: 'menu' }, z: { to: 'ptz' }, '?': { to: 'help' },
}

/** What a pressed key stands for; nothing where it belongs to the browser, the system or something else. */
export function wallKey(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'repeat'>): WallKey | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return null
  const key = event.key.toLowerCase()
  const tool = Object.hasOwn(TOOL_KEYS, key) ? TOOL_KEYS[key] : undefined
  return tool === undefined ? (Object.hasOwn(PLACES, key) ? PLACES[key] ?? null : null) : { tool }
}

interface Row {
  keys: readonly (string | TextKey)[]
  text: TextKey
}

/** The sheet of keys, in the order in which a newcomer needs them. */
export const KEY_SHEET: readonly { title: TextKey; rows: readonly Row[] }[] = [
  {
    title: 'keys.windows',
    rows: [
      { keys: ['keys.arrows_'], text: 'keys.arrows' },
      { keys: ['keys.enter_'], text: 'keys.enter' },
      { keys: ['keys.space_'], text: 'keys.space' },
      { keys: ['Esc'], text: 'keys.escape' },
      { keys: ['keys.pages_'], text: 'keys.pages' },
      { keys: ['keys.shiftArrows_'], text: 'keys.shiftArrows' },
      { keys: ['X'], text: 'keys.move' },
      { keys: ['keys.delete_'], text: 'keys.delete' },
      { keys: ['O'], text: 'keys.menu' },
      { keys: ['C'], text: 'keys.cameras' },
      { keys: ['L'], text: 'keys.layout' },
    ],
  },
  {
    title: 'keys.picture',
    rows: [
      { keys: ['P'], text: 'keys.pause' },
      { keys: ['R'], text: 'keys.record' },
      { keys: ['S'], text: 'keys.snapshot' },
      { keys: ['M'], text: 'keys.sound' },
      { keys: ['V'], text: 'keys.talk' },
      { keys: ['H'], text: 'keys.hourAgo' },
      { keys: ['+', '−'], text: 'keys.zoom' },
      { keys: ['keys.arrows_'], text: 'keys.pan' },
      { keys: ['0'], text: 'keys.whole' },
      { keys: ['F'], text: 'keys.fullScreen' },
    ],
  },
  { title: 'keys.camera', rows: [{ keys: ['Z'], text: 'keys.ptz' }] },
  {
    title: 'keys.places',
    rows: [
      { keys: ['T'], text: 'keys.tools' },
      { keys: ['G'], text: 'keys.groups' },
      { keys: ['A'], text: 'keys.favourite' },
      { keys: ['?'], text: 'keys.help' },
    ],
  },
]
