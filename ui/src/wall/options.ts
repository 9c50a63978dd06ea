/** What the wall is given by the page around it. */
import type { Quality } from '@/media/jitter'
import type { SoundView } from '@/media/sound/player'
import type { Speaker } from '@/media/sound/speaker'
import type { CarryHandlers } from './gestures'
import type { toJpeg } from './jpeg'
import type { LayoutCount } from './layout'
import type { Look } from './look'
import type { RendererOptions } from './renderer'
import type { Rpc, StreamsSetup } from './streams'
import type { TileView, WallChannel } from './tile'

export interface WallOptions {
  mount: HTMLElement
  rpc: Rpc
  hardDecoding: boolean
  layout: LayoutCount
  /** At most four times a second, and at once when a phase or the layout changes. */
  onViews(views: TileView[]): void
  onPage(page: number, pages: number): void
  /** Whose sound is on, and what it is doing. */
  onSound?(channel: WallChannel | null, view: SoundView): void
  /** Who carries windows from place to place. */
  carry?: CarryHandlers
  /** Real time, fluent or auto, by channel; real time without it. */
  qualityOf?(channel: WallChannel): Readonly<Quality>
  /** How a channel was shown last; plain without it. */
  lookOf?(channel: WallChannel): Readonly<Look>
  /** The user turned or zoomed a straightened picture by hand. */
  onLook?(channel: WallChannel, look: Readonly<Look>): void
  /** Watched in another way than by looking at it: heard, or recorded. Such a window is the last to be given less. */
  attends?(channel: WallChannel): boolean
  /** For tests and benchmarks. */
  environment?: Partial<Omit<StreamsSetup, 'rpc'>> & { renderer?: RendererOptions; speaker?: Speaker; encode?: typeof toJpeg }
}
