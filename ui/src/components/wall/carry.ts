/** A window that is carried by a finger: onto another one to change places, or into the bin at the top. */
import { computed, reactive } from 'vue'
import type { CarryHandlers } from '@/wall/gestures'
import type { Rect } from '@/wall/layout'

/** Height of the bin, and half of its width at most, CSS pixels. */
export const BIN = { height: 60, half: 110 }
/** Nearer to the side than this the next page comes … */
const EDGE_PX = 26
/** … after so long, and again. */
const EDGE_MS = 700
/** A finger that has hardly moved asks for the menu. */
const MOVED_PX = 24

export interface CarrySetup {
  size(): { width: number; height: number }
  /** What stands at a point and can be carried; null for an empty window, and while one is enlarged. */
  pick(x: number, y: number): { index: number; name: string; rect: Rect } | null
  indexAt(x: number, y: number): number | null
  turn(by: 1 | -1): void
  menu(index: number): void
  swap(from: number, to: number): void
  close(index: number): void
}

interface Carried { index: number; name: string; rect: Rect; startX: number; startY: number }

export function useCarry(setup: CarrySetup) {
  const state = reactive<{ what: Carried | null; x: number; y: number; far: boolean; inBin: boolean; over: number | null }>({
    what: null, x: 0, y: 0, far: false, inBin: false, over: null,
  })
  let edge = 0
  let edgeTimer = 0

  function place(x: number, y: number): void {
    const { what } = state
    if (what === null) return
    const { width } = setup.size()
    Object.assign(state, { x, y })
    state.far ||= Math.hypot(x - what.startX, y - what.startY) > MOVED_PX
    state.inBin = state.far && y < BIN.height && Math.abs(x - width / 2) < Math.min(BIN.half, width / 2)
    const at = setup.indexAt(x, y)
    state.over = state.far && !state.inBin && at !== what.index ? at : null
    watchEdge(state.inBin ? 0 : x < EDGE_PX ? -1 : x > width - EDGE_PX ? 1 : 0)
  }

  function watchEdge(side: 0 | 1 | -1): void {
    if (side === edge) return
    window.clearInterval(edgeTimer)
    edge = side
    if (side === 0) return
    edgeTimer = window.setInterval(() => {
      setup.turn(side)
      place(state.x, state.y)
    }, EDGE_MS)
  }

  function end(): Carried | null {
    const { what } = state
    watchEdge(0)
    state.what = null
    return what
  }

  const handlers: CarryHandlers = {
    lift(x, y) {
      const what = setup.pick(x, y)
      if (what === null) return false
      Object.assign(state, { what: { ...what, startX: x, startY: y }, x, y, far: false, inBin: false, over: null })
      navigator.vibrate?.(12)
      return true
    },
    move: place,
    drop(x, y) {
      place(x, y)
      const { far, inBin, over } = state
      const what = end()
      if (what === null) return
      if (inBin) setup.close(what.index)
      else if (over !== null) setup.swap(what.index, over)
      else if (!far) setup.menu(what.index)
    },
    cancel: () => void end(),
  }

  const on = computed(() => state.what !== null)
  return { state, on, handlers, dispose: () => void end() }
}
