/** The key of a tool that means something else when it is held. */
import { onUnmounted } from 'vue'
import { HoldPress } from '@/control/press'
import type { WallTool } from './tools'

export interface HeldKeySetup {
  tool(id: string): WallTool | undefined
  /** Presses the button of the tool, as a short press of its key does. */
  tap(id: string): void
}

export function useHeldKey({ tool, tap }: HeldKeySetup) {
  const press = new HoldPress()
  let key = ''
  onUnmounted(() => press.cancel())

  return {
    press(id: string, by: string): void {
      key = by.toLowerCase()
      press.press({
        tap: () => tap(id),
        // Looked for only now: the key may have selected the window that the tool is about.
        begin: () => { if (tool(id)?.disabled !== true) tool(id)?.hold?.begin() },
        end: () => tool(id)?.hold?.end(),
      })
    },
    lift(event: Pick<KeyboardEvent, 'key'>): void {
      if (event.key.toLowerCase() === key) press.release()
    },
    /** The wall lost the keyboard: whatever was down will not be heard of again. */
    forget: () => press.cancel(),
  }
}
