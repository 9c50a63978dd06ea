import { reactive } from 'vue'
import { rpc } from '@/api/client'
import type { AppInfo, Settings, SettingsPatch } from '@/api/generated'

interface State extends Settings {
  info: AppInfo | null
}

const state = reactive<State>({
  hardDecoding: true, qualityMode: 'auto', fluentDelayMs: 400, theme: 'system', language: 'system', layout: 4, ptzStep: 5, wallTools: [], captureCount: 1, pushDurationS: 15,
  noiseReduction: 2, defaultPage: 'home', meteredPolicy: 'ask', meteredCapMb: 0, memoryPlay: false, country: '', info: null,
})

async function load(): Promise<void> {
  const [settings, info] = await Promise.all([rpc('settings.get', {}), rpc('app.info', {})])
  Object.assign(state, settings)
  state.info = info
}

/** Takes effect at once; a refusal puts the old value back, so that the page never shows what is not stored. */
async function set(patch: SettingsPatch): Promise<void> {
  const before = Object.fromEntries(Object.keys(patch).map((name) => [name, state[name as keyof SettingsPatch]]))
  Object.assign(state, patch)
  try {
    Object.assign(state, await rpc('settings.set', patch))
  } catch (error) {
    Object.assign(state, before)
    throw error
  }
}

export const settings = { state: state as Readonly<State>, load, set }
