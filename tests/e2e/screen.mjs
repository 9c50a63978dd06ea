/** What a program shows on the X display, read off the screen as often as a display would show it. */
import { spawn } from 'node:child_process'
import { timeOfBar } from './timebar.mjs'

const RATE_HZ = 60

/** Looks at the time bar of a picture at `x, y, width, height`; `stop()` gives `[seen at, taken at]` in ms. */
export function watchScreen([x, y, width, height]) {
  const row = y + Math.floor((height * 44) / 45)
  const grab = spawn('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-f', 'x11grab', '-framerate', String(RATE_HZ), '-video_size', `${width}x2`, '-i', `${process.env.DISPLAY}+${x},${row}`,
    '-pix_fmt', 'gray', '-f', 'rawvideo', '-flush_packets', '1', '-',
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  const shown = []
  let rest = Buffer.alloc(0)
  grab.stdout.on('data', (chunk) => {
    const at = Date.now()
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= width * 2; rest = rest.subarray(width * 2)) {
      const taken = timeOfBar(rest.subarray(0, width))
      // The first sight of a picture; the next grabs see the same one.
      if (taken !== null && shown.at(-1)?.[1] !== taken) shown.push([at, taken])
    }
  })
  const ended = new Promise((resolve) => { grab.on('close', resolve) })
  return {
    async stop() {
      grab.kill('SIGTERM')
      await ended
      return shown
    },
  }
}
