/** What goes on beside the wall as long as it is on the page: keeping its pictures, and sparing metered networks. */
import { onMounted, onScopeDispose, onUnmounted, watchEffect } from 'vue'
import { lifecycle } from '@/stores/life'
import { network } from '@/stores/network'
import { pictures } from '@/stores/pictures'
import { wallState } from '@/stores/wallstate'

/** One window at a time: reading a picture back costs a few milliseconds where the canvas is drawn by the processor. */
const EVERY_MS = 700
/** How old a kept picture of a window may become. */
const FRESH_MS = 60_000
/** As the page goes to the background. */
const LEAVING_FRESH_MS = 2000

/** The next window whose picture should be kept, by the time its channel was last kept. */
export function nextToKeep(
  views: typeof wallState.state.views, keptAt: (device: string, channel: number) => number | null, nowMs: number,
): number | null {
  let best: { index: number; at: number } | null = null
  for (const { index, channel, visible, phase, hasPicture } of views) {
    if (channel === null || !visible || phase !== 'playing' || !hasPicture) continue
    const at = keptAt(channel.device, channel.channel) ?? 0
    if (nowMs - at >= FRESH_MS && (best === null || at < best.at)) best = { index, at }
  }
  return best?.index ?? null
}

function keepOne(): void {
  if (!lifecycle.state.front) return
  const index = nextToKeep(wallState.state.views, keptAt, Date.now())
  if (index !== null) keepWindow(index)
}

const keptAt = (device: string, channel: number): number | null => pictures.of({ device, channel })?.takenAtMs ?? null

/** The page may lose its canvas in the background, or not come back at all: what is seen now is what it begins with. */
function keepAll(): void {
  const now = Date.now()
  for (const { index, channel, visible, phase, hasPicture } of wallState.state.views) {
    if (channel === null || !visible || phase !== 'playing' || !hasPicture) continue
    if (now - (keptAt(channel.device, channel.channel) ?? 0) >= LEAVING_FRESH_MS) keepWindow(index)
  }
}

function keepWindow(index: number): void {
  const { wall, mount, views } = wallState.state
  const canvas = mount?.querySelector('canvas')
  if (wall === null || mount === null || canvas == null || mount.clientWidth === 0) return
  const box = wall.pictureBox(index)
  const view = views.find((one) => one.index === index)
  const channel = view?.channel
  // What a device recorded is not what its camera shows last.
  if (box === null || channel == null || view?.replay != null) return
  const scale = canvas.width / mount.clientWidth
  const part = { x: box.x * scale, y: box.y * scale, width: box.width * scale, height: box.height * scale }
  void pictures.keep({ device: channel.device, channel: channel.channel }, canvas, part)
}

export function useWallServices(): void {
  let timer = 0
  onMounted(() => { timer = window.setInterval(keepOne, EVERY_MS) })
  onUnmounted(() => window.clearInterval(timer))
  onScopeDispose(lifecycle.onLeave(keepAll))
  watchEffect(() => {
    const { wall } = wallState.state
    const allowed = network.allowance.value
    wall?.setThrift(allowed === 'all' || allowed === 'sub' ? allowed : 'none')
  })
}
