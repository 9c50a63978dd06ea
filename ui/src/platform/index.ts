import type { Platform } from './types'

/** Chooses the shell at run time. Dynamic, so that the browser never loads Tauri code and the app no token handling. */
export async function loadPlatform(): Promise<Platform> {
  // For looking at pages without a core; the build drops it.
  if (import.meta.env.DEV && new URLSearchParams(window.location.search).has('fake')) return fakePlatform()
  if ('__TAURI_INTERNALS__' in window) return (await import('./tauri')).tauriPlatform()
  return (await import('./web')).webPlatform()
}

async function fakePlatform(): Promise<Platform> {
  const { FakePlatform } = await import('./fake')
  return (window as { __fake?: Platform }).__fake = new FakePlatform()
}
