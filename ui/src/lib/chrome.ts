import { reactive } from 'vue'

/** How much of the page around the picture shows. Owned by the wall page, obeyed by the tab bar. */
export const chrome = reactive({
  /** The wall is on and its surroundings are dark in every theme. */
  night: false,
  /** Full screen: bars float over the picture instead of taking room from it. */
  floating: false,
  /** Floating bars are out of sight until a tap. */
  hidden: false,
})
