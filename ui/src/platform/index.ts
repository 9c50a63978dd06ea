import type { Platform } from './types'

/** Chooses the shell at run time. Dynamic, so that the browser never loads Tauri code and the app no token handling. */
export async function loadPlatform(): Promise<Platform> {
  if ('__TAURI_INTERNALS__' in window) return (await import('./tauri')).tauriPlatform()
  return (await import('./web')).webPlatform()
}
