/** What the wall on the page is doing, for those beside it. The wall's own component writes it, all others read. */
import { computed, shallowReactive } from 'vue'
import type { ChannelRef } from '@/api/generated'
import type { TileView, Wall } from '@/wall/wall'

interface State {
  wall: Wall | null
  /** The element that holds the wall's canvas. */
  mount: HTMLElement | null
  views: readonly TileView[]
  page: number
}

const state = shallowReactive<State>({ wall: null, mount: null, views: [], page: 0 })

function attach(wall: Wall | null, mount: HTMLElement | null): void {
  Object.assign(state, wall === null ? { wall, mount, views: [] } : { wall, mount })
}
const tell = (views: readonly TileView[]): void => { state.views = views }
const tellPage = (page: number): void => { state.page = page }

const refOf = (view: TileView | undefined): ChannelRef | null =>
  view?.channel == null ? null : { device: view.channel.device, channel: view.channel.channel }

/** The channel that a person chose, enlarged or selected. */
const chosen = computed(() => refOf(state.views.find((view) => view.enlarged) ?? state.views.find((view) => view.selected)))
const enlarged = computed(() => refOf(state.views.find((view) => view.enlarged)))

export const wallState = { state: state as Readonly<State>, attach, tell, tellPage, chosen, enlarged }
