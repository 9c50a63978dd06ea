import type { ErrorDto } from '@/api/generated'

/** The answer of a command: one of the two members is there. */
export type Reply = { ok: unknown } | { err: ErrorDto }

/** What the platform tells of the network. */
export interface NetworkSense {
  /** It costs by the byte: a mobile network, or the user asked the system to save data. */
  metered(): boolean
  onChange(listener: () => void): void
}

/** The program around the page. Everything the page needs from outside goes through here. */
export interface Platform {
  readonly kind: 'tauri' | 'web' | 'fake'
  /**
   * Calls a command of the core. Rejects with `ShellGone` when the core itself cannot be reached. `outlives` says that
   * the call has to arrive even when the page goes away meanwhile.
   */
  rpc(name: string, request: unknown, outlives?: boolean): Promise<Reply>
  /** Absent where the platform tells nothing; then the network counts as free. */
  readonly network?: NetworkSense
  /** What the shell tells of the program's life beyond what every page hears; absent where it is nothing. */
  readonly life?: (listener: (event: 'suspended' | 'resumed') => void) => void
}

/** The core behind the page does not answer: a closed program, not a failed command. */
export class ShellGone extends Error {
  constructor(detail: string) {
    super(detail)
    this.name = 'ShellGone'
  }
}

/** Whether an answer has the agreed shape; what another server on the same port sends has not. */
export function isReply(value: unknown): value is Reply {
  if (typeof value !== 'object' || value === null) return false
  if ('ok' in value) return true
  const err = 'err' in value ? value.err : undefined
  return typeof err === 'object' && err !== null && 'code' in err
}
