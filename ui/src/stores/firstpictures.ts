/**
 * Small pictures of recordings that the core cannot decode, H.265 above all: made by the page when a person looks at the
 * list of files, one at a time, and kept by the core.
 */
import { rpc } from '@/api/client'
import type { MediaFile } from '@/api/generated'
import { base64Of } from '@/lib/base64'
import { pageConnection } from '@/media/carrier'
import { systemClock } from '@/media/clock'
import { firstPicture } from '@/media/playback/firstpicture'
import { PlaybackSession } from '@/media/playback/session'
import { DecodeProbe } from '@/media/sinks/probe'
import { toJpeg } from '@/wall/jpeg'
import { files } from './files'

const probe = new DecodeProbe()
/** Asked for, whatever came of it: what has no picture has none at the next look either. */
const asked = new Set<string>()
let turn: Promise<void> = Promise.resolve()

/** Has a picture made of a recording that has none, where this device can. */
export function wantFirstPicture({ id, kind, thumbnail }: MediaFile): void {
  if (kind !== 'recording' || thumbnail || asked.has(id)) return
  asked.add(id)
  turn = turn.then(() => make(id)).catch(() => {
    // Locked, or the connection is gone: perhaps at the next look.
    asked.delete(id)
  })
}

async function make(id: string): Promise<void> {
  const { codec } = await rpc('play.open', { id })
  if (!(await probe.check(codec))) return
  const session = new PlaybackSession({ rpc, clock: systemClock, connection: pageConnection() })
  try {
    const jpeg = await firstPicture(session.of(id), systemClock, toJpeg)
    if (jpeg === null) return
    await rpc('files.keepThumbnail', { id, jpeg: base64Of(new Uint8Array(await jpeg.arrayBuffer())) })
    await files.refresh()
  } finally {
    session.close()
  }
}
