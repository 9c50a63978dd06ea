/** The focus of the keyboard on the wall: it is never lost when what has it goes away. */
import { nextTick, onMounted, onUnmounted, type Ref, watch } from 'vue'

/** `windows`: whatever makes windows come and go. */
export function useKeepFocus(stage: Readonly<Ref<HTMLElement | null>>, windows: Readonly<Ref<unknown>>) {
  /** The last key or focus was here, and no finger has touched anything since. */
  let ours = false

  const lost = (): boolean => document.activeElement === null || document.activeElement === document.body
  const back = (): void => stage.value?.querySelector<HTMLElement>('.hit[tabindex="0"]')?.focus()

  function focusIn(event: FocusEvent): void {
    ours = event.target instanceof Node && stage.value?.contains(event.target) === true
  }
  function touched(): void {
    ours = false
  }
  // A removed element tells nobody that it had the focus.
  watch(windows, () => { if (ours && lost()) back() }, { flush: 'post' })

  onMounted(() => {
    document.addEventListener('focusin', focusIn)
    document.addEventListener('pointerdown', touched, true)
  })
  onUnmounted(() => {
    document.removeEventListener('focusin', focusIn)
    document.removeEventListener('pointerdown', touched, true)
  })
  return {
    back,
    /** To the first of these on the page of the wall, also where a bar has to come back first. */
    to: (selector: string): void => void nextTick(() => stage.value?.closest('ion-content')?.querySelector<HTMLElement>(selector)?.focus()),
  }
}
