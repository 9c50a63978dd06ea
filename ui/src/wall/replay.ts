/** A window that plays what its device recorded. Times are microseconds since 1970 UTC. */
import type { TileRef } from '@/api/generated'

export interface Replay {
  /** What was asked for. */
  readonly askedUs: number
  /** Of the picture on screen; what is wanted first until there is one. */
  atUs: number
  /** There has been one. */
  shown: boolean
}

export interface ReplayView {
  askedMs: number
  /** When the picture on screen was recorded; null until there is one. */
  atMs: number | null
}

export const replayFrom = (askedUs: number): Replay => ({ askedUs: Math.round(askedUs), atUs: Math.round(askedUs), shown: false })

/** What is on screen of a recording that plays. */
export interface Recorded extends TileRef {
  fromUs: number
}

/** `recordedUs`: when the picture of time 0 was recorded, where the stream says so. */
export function noteShown(replay: Replay, recordedUs: number | undefined, ptsUs: number): void {
  if (recordedUs === undefined) return
  replay.atUs = Math.round(recordedUs + ptsUs)
  replay.shown = true
}

export const replayView = (replay: Replay | null): ReplayView | null =>
  replay === null ? null : { askedMs: replay.askedUs / 1000, atMs: replay.shown ? replay.atUs / 1000 : null }
