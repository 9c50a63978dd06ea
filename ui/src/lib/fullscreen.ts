import { computed, onUnmounted, ref, watchEffect, type Ref } from 'vue'
import { chrome } from './chrome'

/** How long floating bars stay after the last touch, milliseconds. */
const LINGER_MS = 4000
const PHONE_LANDSCAPE = '(orientation: landscape) and (max-height: 500px)'

/**
 * Full screen by style, not by the browser's API: it works in every web view and asks nobody. A phone held sideways
 * gets it by itself; elsewhere the button does it. While `busy` the bars stay, unless they are tapped away: what has
 * been begun there must be ended there.
 */
export function useFullScreen(active: Ref<boolean>, busy: () => boolean = () => false) {
  const media = window.matchMedia(PHONE_LANDSCAPE)
  const sideways = ref(media.matches)
  const wanted = ref(false)
  const shown = ref(false)
  let timer = 0

  const turned = (): void => {
    sideways.value = media.matches
    shown.value = false
  }
  media.addEventListener('change', turned)

  const on = computed(() => active.value && (sideways.value || wanted.value))
  watchEffect(() => {
    chrome.floating = on.value
    chrome.hidden = on.value && !shown.value
  })

  function show(): void {
    window.clearTimeout(timer)
    shown.value = true
    timer = window.setTimeout(() => {
      // Someone who walks the bars with the keyboard must not lose the ground under the feet.
      if (document.activeElement?.matches('.tools :focus-visible, .info :focus-visible, .bar :focus-visible') === true || (shown.value && busy())) show()
      else shown.value = false
    }, LINGER_MS)
  }

  function tapped(): void {
    if (shown.value) shown.value = false
    else show()
  }

  function toggle(): void {
    wanted.value = !wanted.value
    shown.value = false
  }

  onUnmounted(() => {
    media.removeEventListener('change', turned)
    window.clearTimeout(timer)
    chrome.floating = false
    chrome.hidden = false
  })
  return { on, sideways, wanted, shown, show, tapped, toggle }
}
