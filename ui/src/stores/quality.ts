/**
 * The quality mode of live pictures: that of the settings, and for single channels another one. What is chosen for one
 * channel concerns this screen alone, so it stays in this page's own storage.
 */
import { computed, shallowRef } from 'vue'
import type { QualityMode } from '@/api/generated'
import type { Quality } from '@/media/jitter'
import { settings } from './settings'

interface Channel { device: string; channel: number }

const KEY = 'bartizan.quality'
/** The ones touched longest ago go. */
const MOST = 256
export const MODES: readonly QualityMode[] = ['auto', 'realTime', 'fluent']

const key = ({ device, channel }: Channel): string => `${channel} ${device}`
const isMode = (value: unknown): value is QualityMode => MODES.some((mode) => mode === value)

/** Nothing was stored, or the page may not store anything: then all follow the settings. */
function load(): Map<string, QualityMode> {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '[]')
    const rows = Array.isArray(stored) ? stored.slice(-MOST) : []
    return new Map(rows.flatMap((row: unknown) => (
      Array.isArray(row) && typeof row[0] === 'string' && isMode(row[1]) ? [[row[0], row[1]] as const] : []
    )))
  } catch {
    return new Map()
  }
}

const own = shallowRef<ReadonlyMap<string, QualityMode>>(load())

/** What was chosen for this channel alone; null where it follows the settings. */
function ownOf(channel: Channel): QualityMode | null {
  return own.value.get(key(channel)) ?? null
}

function of(channel: Channel): Quality {
  return { mode: ownOf(channel) ?? settings.state.qualityMode, delayMs: settings.state.fluentDelayMs }
}

/** null: as the settings say. */
function set(channel: Channel, mode: QualityMode | null): void {
  const next = new Map(own.value)
  next.delete(key(channel))
  if (mode !== null) next.set(key(channel), mode)
  own.value = next
  try {
    window.localStorage.setItem(KEY, JSON.stringify([...next].slice(-MOST)))
  } catch {
    // Full or forbidden: it holds until the page is closed.
  }
}

/** Reads again what is stored; for tests. */
function reload(): void {
  own.value = load()
}

/** Another value whenever the mode of any channel may have changed. */
const changes = computed(() => [own.value, settings.state.qualityMode, settings.state.fluentDelayMs] as const)

export const quality = { of, ownOf, set, changes, reload }
