import type { Code, RpcSchema } from './generated'
import { type Platform, ShellGone } from '@/platform/types'

/** Codes of the core, and the one only the page can notice: the core itself does not answer. */
export type UiCode = Code | 'shellGone'

export class ApiError extends Error {
  constructor(
    readonly code: UiCode,
    readonly detail: string,
    /** How long the device asked to wait, milliseconds. */
    readonly retryAfterMs: number | null,
    /** How many more wrong passwords the device takes before it locks. */
    readonly triesLeft: number | null = null,
  ) {
    super(`${code}: ${detail}`)
    this.name = 'ApiError'
  }
}

/** Whatever was thrown, as something that has a sentence and a cure. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError('internal', error instanceof Error ? error.message : String(error), null)
}

let platform: Platform | null = null

/** Called once before the app starts, and by tests. */
export function usePlatform(chosen: Platform): void {
  platform = chosen
}


let lockedHook: () => void = () => undefined

/** What happens when the core says that the app is locked, whoever asked for what. */
export function onLocked(hook: () => void): void {
  lockedHook = hook
}

export function currentPlatform(): Platform | null {
  return platform
}

export async function rpc<K extends keyof RpcSchema>(
  name: K,
  request: RpcSchema[K]['request'],
  outlives = false,
): Promise<RpcSchema[K]['response']> {
  if (platform === null) throw new ApiError('internal', 'no platform yet', null)
  let reply
  try {
    reply = await platform.rpc(name, request, outlives)
  } catch (error) {
    if (error instanceof ShellGone) throw new ApiError('shellGone', error.message, null)
    throw asApiError(error)
  }
  if ('err' in reply && reply.err.code === 'appLocked') lockedHook()
  if ('err' in reply) throw new ApiError(reply.err.code, reply.err.detail, reply.err.retryAfterMs, reply.err.triesLeft ?? null)
  // The shape is promised by the generated schema, which a test on the Rust side keeps true.
  return reply.ok as RpcSchema[K]['response']
}
