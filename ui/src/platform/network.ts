import type { NetworkSense } from './types'

/**
 * The web view's own sense of the network (Network Information API): Chromium, and so the web view of Android, has it;
 * WebKit does not. Desktop Chromium tells of the wish to save data only.
 */
export function webNetwork(connection: Navigator['connection'] = navigator.connection): NetworkSense | undefined {
  if (connection === undefined) return undefined
  return {
    metered: () => connection.type === 'cellular' || connection.saveData === true,
    onChange: (listener) => connection.addEventListener('change', listener),
  }
}
