import { invoke } from '@tauri-apps/api/core'
import { listen } from '@tauri-apps/api/event'
import { webNetwork } from '../network'
import { isReply, type Platform, ShellGone } from '../types'

export function tauriPlatform(): Platform {
  // Apple's web view tells nothing of the network; a plug-in of the shell would go here.
  const network = webNetwork()
  return {
    kind: 'tauri',
    ...(network && { network }),
    // Of phones alone. Windows that are minimised or covered are hidden pages on every desktop.
    life: (listener) => {
      for (const event of ['suspended', 'resumed'] as const) {
        // Without it a page that was stopped unheard finds out at its next tick.
        listen(`tauri://${event}`, () => listener(event)).catch(() => undefined)
      }
    },
    async rpc(name, request) {
      let answer: unknown
      try {
        answer = await invoke('rpc', { name, request })
      } catch (error) {
        throw new ShellGone(String(error))
      }
      if (!isReply(answer)) throw new ShellGone('the answer has an unknown shape')
      return answer
    },
  }
}
