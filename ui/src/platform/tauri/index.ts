import { invoke } from '@tauri-apps/api/core'
import { isReply, type Platform, ShellGone } from '../types'

export function tauriPlatform(): Platform {
  return {
    kind: 'tauri',
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
