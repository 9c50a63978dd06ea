import { webNetwork } from '../network'
import { isReply, type Platform, ShellGone } from '../types'

const TOKEN_KEY = 'bartizan.token'

/**
 * The token arrives once in the address and is then taken out of it, so that it ends up in no bookmark, history entry
 * or screenshot; it lives as long as the tab.
 */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const url = new URL(location.href)
  const given = url.searchParams.get('token')
  if (given !== null) {
    storage.setItem(TOKEN_KEY, given)
    url.searchParams.delete('token')
    history.replaceState(history.state, '', url.pathname + url.search + url.hash)
  }
  return given ?? storage.getItem(TOKEN_KEY) ?? ''
}

export function webPlatform(): Platform {
  const network = webNetwork()
  const token = takeToken(window.location, window.history, window.sessionStorage)
  return {
    kind: 'web',
    ...(network && { network }),
    async rpc(name, request, outlives = false) {
      let answer: unknown
      try {
        const response = await fetch(`/rpc/${name}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-bartizan-token': token },
          body: JSON.stringify(request),
          cache: 'no-store',
          keepalive: outlives,
        })
        if (response.status === 401 || response.status === 403) throw new ShellGone('the token was refused')
        answer = await response.json()
      } catch (error) {
        throw error instanceof ShellGone ? error : new ShellGone(String(error))
      }
      if (!isReply(answer)) throw new ShellGone('the answer has an unknown shape')
      return answer
    },
  }
}
