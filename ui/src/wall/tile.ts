/** One window of the wall: its channel, the one or two streams open for it, and which of them is on screen. */
import type { Code, Pace, Profile, StreamChoice } from '@/api/generated'
import type { Quality, QualityMode } from '@/media/jitter'
import type { Player } from '@/media/tile-player'
import type { SinkPath } from '@/media/sinks/sink'
import type { TileBudget } from './economy'
import type { LayoutCount, Rect } from './layout'
import { type Look, PLAIN } from './look'
import { type Replay, type ReplayView, replayView } from './replay'
import { PresentationStats } from './stats'
import { WHOLE, type Zoom } from './zoom'
import { magnification } from './zooming'

export interface WallChannel {
  device: string; channel: number; name: string; hasSub: boolean
  /** Pixels across the sub stream's picture as the device told it; null or absent where nobody knows. */
  subWidth?: number | null
}

export interface TileView {
  /** Position on the wall, from 0 over all pages. */
  index: number
  channel: WallChannel | null
  phase: 'empty' | 'connecting' | 'waitingForKey' | 'playing' | 'stale' | 'backoff' | 'failed' | 'paused'
  code: Code | null
  detail: string | null
  /** Milliseconds since 1970 UTC. */
  retryAtMs: number | null
  /** Tries since its last picture; absent while it plays. */
  attempt?: number
  /** Of the picture on screen; null when there has been none. */
  ageMs: number | null
  /** How old pictures are shown lately, what the network delays them included; null when there have been none. */
  lagMs?: number | null
  quality?: QualityMode
  /** How long the mode holds a picture that is not delayed on its way. */
  delayMs?: number
  hasPicture: boolean
  profile: Profile
  path: SinkPath | null
  transport: string | null
  width: number
  height: number
  /** CSS pixels within the mount; of visible windows only. */
  rect: Rect
  visible: boolean
  selected: boolean
  enlarged: boolean
  /** 1..8: how many times closer than when all of the picture is seen. */
  zoom: number
  /** What it may have of what the device can decode; absent of an empty window. */
  budget?: TileBudget
  /** It plays a recording of its device; null or absent of live video. */
  replay?: ReplayView | null
}

export interface TileStats {
  index: number; device: string; channel: number; name: string; codec: string | null; path: SinkPath | null
  transport: string | null; width: number; height: number; presentedFps: number; presented: number
  ageMsP50: number | null; ageMsP95: number | null; lagMs: number | null; quality: QualityMode; delayMs: number; dropped: number; firstFrameMs: number | null
  budget: TileBudget | null
  /** When the window showed its first picture, milliseconds of the page's monotone clock. */
  firstPresentedAt: number | null
}

export type { LayoutCount }

/** One stream of a window. It is opened anew, under a new wire number, as often as needed. */
export interface TileStream {
  readonly profile: Profile
  readonly player: Player
  /** Number on the wire; null while it is not open there. */
  wire: number | null
  /** Settles when the core has answered the opening, so that a close never overtakes it. */
  opening: Promise<void>
  openedAt: number
  /** This web view does not decode it. */
  asPictures: boolean
  /** Which of its pictures are wanted. */
  pace: Pace
  closeTimer: number | null
}

export const NOWHERE: Rect = { x: 0, y: 0, width: 0, height: 0 }

export class WallTile {
  readonly streams = new Map<Profile, TileStream>()
  /** Profiles whose codec neither side decodes. */
  readonly unsupported = new Set<Profile>()
  /** Whose pictures are to be shown as soon as there is one. */
  target: Profile
  /** Whose picture is on screen. */
  shown: Profile | null = null
  /** null while the window is hidden. */
  rect: Rect | null = null
  hasPicture = false
  /** By the user: no streams until they play on. */
  paused = false
  /** In place of live video. */
  replay: Replay | null = null
  /** Of the picture on screen, milliseconds since 1970 UTC. */
  arrivedAtMs = 0
  width = 0
  height = 0
  zoom: Zoom = WHOLE
  /** Who decides on its stream. */
  choice: StreamChoice = 'auto'
  /** What a window of the grid should show; see `base` for what it can. */
  wish: Profile = 'sub'
  look: Readonly<Look> = PLAIN
  quality: Readonly<Quality>
  stats = new PresentationStats()
  index: number
  channel: WallChannel
  /** Number of the window at the renderer: stays with the channel when windows move up. */
  readonly id: number

  constructor(id: number, index: number, channel: WallChannel, quality: Readonly<Quality>) {
    this.quality = quality
    this.id = id
    this.index = index
    this.channel = channel
    this.target = this.base
  }

  /** CSS pixels across the picture in its window: without the black at its sides. */
  get pixels(): number {
    if (this.rect === null) return 0
    const { width, height } = this.rect
    return this.width > 0 ? Math.min(width, (height * this.width) / this.height) : Math.min(width, (height * 16) / 9)
  }

  /** The smallest stream that can be shown. */
  get least(): Profile {
    return !this.channel.hasSub || this.unsupported.has('sub') ? 'main' : 'sub'
  }

  /** What a window of the grid shows. */
  get base(): Profile {
    if (this.least === 'main') return 'main'
    return this.wish === 'main' && !this.unsupported.has('main') ? 'main' : 'sub'
  }

  /** The stream that speaks for the window: what is on screen, as long as it is alive. */
  get current(): TileStream | undefined {
    const shown = this.shown === null ? undefined : this.streams.get(this.shown)
    return shown?.player.phase === 'playing' ? shown : this.streams.get(this.target) ?? shown
  }

  /** What the mode says; where the network decides, what it has come to. */
  private get delayMs(): number {
    if (this.quality.mode === 'fluent') return this.quality.delayMs
    return this.quality.mode === 'realTime' ? 0 : Math.round(this.current?.player.delayMs ?? 0)
  }

  get isLive(): boolean {
    return this.current?.player.phase === 'playing'
  }

  view(active: boolean, nowMs: number, utcMs: number, selected: boolean, enlarged: boolean, budget: TileBudget): TileView {
    const stream = this.current
    const target = this.streams.get(this.target)
    const state = stream?.player.state
    // Enlarged and the main stream does not come: the sub stream plays on, and the reason is told all the same.
    const reason = target?.player.phase === 'failed' || target?.player.phase === 'backoff' ? target.player.state : state
    const phase = stream === undefined ? (active && this.rect !== null && !this.paused ? 'connecting' : 'paused') : viewPhase(stream.player.phase)
    const telling = phase !== 'playing' || reason !== state
    // The picture is not of the stream one would expect here, and this is why.
    const otherRefused = this.unsupported.has(enlarged ? 'main' : 'sub')
    const retryAt = telling ? reason?.retryAt ?? null : null
    return {
      index: this.index,
      channel: this.channel,
      phase,
      code: telling ? reason?.fault?.code ?? reason?.session?.code ?? null : otherRefused ? 'unsupportedCodec' : null,
      detail: telling ? reason?.fault?.detail ?? reason?.session?.detail ?? null : null,
      retryAtMs: retryAt === null ? null : utcMs + (retryAt - nowMs),
      ...(telling && reason?.session != null && { attempt: reason.session.attempt }),
      ageMs: this.hasPicture ? Math.max(0, utcMs - this.arrivedAtMs) : null,
      lagMs: this.hasPicture ? this.stats.lagMs : null,
      quality: this.quality.mode,
      delayMs: this.delayMs,
      hasPicture: this.hasPicture,
      profile: this.shown ?? this.target,
      path: stream?.player.path ?? null,
      transport: state?.config?.transport ?? null,
      width: this.width,
      height: this.height,
      rect: this.rect ?? NOWHERE,
      visible: this.rect !== null,
      selected,
      enlarged,
      zoom: magnification(this),
      budget,
      replay: replayView(this.replay),
    }
  }

  tileStats(nowMs: number, budget: TileBudget | null = null): TileStats {
    const stream = this.current
    const config = stream?.player.state.config ?? null
    let dropped = this.stats.overtaken
    for (const { player } of this.streams.values()) dropped += player.state.dropped
    return {
      index: this.index, device: this.channel.device, channel: this.channel.channel, name: this.channel.name,
      codec: config?.codec ?? null, path: stream?.player.path ?? null, transport: config?.transport ?? null,
      width: this.width, height: this.height,
      presentedFps: this.stats.fps(nowMs), presented: this.stats.presented,
      ageMsP50: this.stats.agePercentile(0.5), ageMsP95: this.stats.agePercentile(0.95),
      lagMs: this.stats.lagMs, quality: this.quality.mode, delayMs: this.delayMs, budget,
      dropped, firstFrameMs: this.stats.firstFrameMs, firstPresentedAt: this.stats.firstPresentedAt,
    }
  }
}

function viewPhase(phase: Player['phase']): TileView['phase'] {
  if (phase === 'idle') return 'connecting'
  return phase === 'decoding' ? 'waitingForKey' : phase
}

export function emptyView(index: number, rect: Rect, selected: boolean): TileView {
  return {
    index, channel: null, phase: 'empty', code: null, detail: null, retryAtMs: null, ageMs: null, hasPicture: false,
    profile: 'sub', path: null, transport: null, width: 0, height: 0, rect, visible: true, selected, enlarged: false,
    zoom: 1,
  }
}
