/// <reference types="vite/client" />
import type { Wall } from '@/wall/wall'

declare global {
  interface Window {
    /** The live wall, for the end-to-end tests: its counters are the only honest proof that pictures arrive. */
    __bartizanWall?: Wall
  }
  interface Navigator {
    /** Network Information API; Chromium only. */
    readonly connection?: EventTarget & { readonly type?: string; readonly saveData?: boolean }
  }
}

export {}
