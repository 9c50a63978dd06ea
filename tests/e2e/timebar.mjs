/** Reads the time bar of the simulated site (docs/simulator.md), and sums up what was shown when. */
import { execFileSync } from 'node:child_process'

const CELLS = 64

/**
 * The moment of capture, ms since 1970, from one row of luma through the middle of the bar; null where there is none.
 * Put into pages by its text: it uses nothing outside itself.
 */
export function timeOfBar(row) {
  const cell = row.length / 64
  const bits = Array.from({ length: 64 }, (_, i) => {
    let sum = 0
    let count = 0
    for (let x = Math.ceil((i + 0.25) * cell); x < (i + 0.75) * cell; x += 1) {
      sum += row[x]
      count += 1
    }
    return count === 0 ? row[Math.floor((i + 0.5) * cell)] : sum / count
  })
  const mean = (...cells) => cells.reduce((sum, i) => sum + bits[i], 0) / cells.length
  const [white, black] = [mean(0, 2, 61, 63), mean(1, 3, 60, 62)]
  if (white - black < 60) return null
  const [middle, doubt] = [(white + black) / 2, (white - black) / 8]
  if (bits.some((level) => Math.abs(level - middle) < doubt)) return null
  const set = bits.map((level) => level > middle)
  if ('1010' !== set.slice(0, 4).map(Number).join('') || '0101' !== set.slice(60).map(Number).join('')) return null
  const byte = (from) => set.slice(from, from + 8).reduce((value, bit) => value * 2 + Number(bit), 0)
  const bytes = [4, 12, 20, 28, 36, 44].map(byte)
  let crc = 0xff
  for (const one of bytes) {
    crc ^= one
    for (let i = 0; i < 8; i += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1
  }
  return crc === byte(52) ? bytes.reduce((value, one) => value * 256 + one, 0) : null
}

/** Ages and stutter of `[shown at, taken at]` in ms; a picture that stays on screen counts once. */
export function summary(shown, intervalMs) {
  const pictures = shown.filter(([, taken], i) => i === 0 || taken !== shown[i - 1][1])
  const sorted = (list) => [...list].sort((a, b) => a - b)
  const at = (list, share) => list[Math.min(list.length - 1, Math.floor(list.length * share))] ?? null
  const ages = sorted(pictures.map(([now, taken]) => now - taken))
  const gaps = pictures.slice(1).map(([now], i) => now - pictures[i][0])
  const long = gaps.filter((gap) => gap > 2.5 * intervalMs)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  return {
    pictures: pictures.length,
    age_ms_p50: at(ages, 0.5),
    age_ms_p95: at(ages, 0.95),
    stutters: long.length,
    stutter_ms: Math.round(long.reduce((sum, gap) => sum + gap, 0)),
    interval_ms_sd: Math.round(Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) * 10) / 10,
  }
}

/** The time on the player's canvas, or on a JPEG given as base64; null where none can be read. */
export async function readTimeBar(page, jpeg = null) {
  const cells = await page.evaluate(async ([base64, count]) => {
    let source
    let [left, top, width, height] = [0, 0, 0, 0]
    if (base64 === null) {
      source = [...document.querySelectorAll('.player canvas')].at(-1)
      const own = window.__bartizanPlayer
      if (source === undefined || own === undefined) return null
      const fit = Math.min(source.width / own.info.width, source.height / own.info.height)
      width = own.info.width * fit
      height = own.info.height * fit
      left = (source.width - width) / 2
      top = (source.height - height) / 2
    } else {
      source = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))], { type: 'image/jpeg' }))
      width = source.width
      height = source.height
    }
    const copy = new OffscreenCanvas(source.width, source.height)
    const context = copy.getContext('2d', { willReadFrequently: true })
    context.drawImage(source, 0, 0)
    const { data } = context.getImageData(0, Math.round(top + height * 44 / 45), source.width, 1)
    return Array.from({ length: count }, (_, cell) => data[4 * Math.min(source.width - 1, Math.floor(left + (cell + 0.5) * width / count)) + 1])
  }, [jpeg, CELLS])
  return cells === null ? null : timeOfBar(cells)
}

/** Every picture of a movie as ffmpeg, a decoder that is not ours, sees it: its time in the movie, µs, and its time bar. */
export function truthOf(path) {
  const run = (program, args) => execFileSync(program, ['-v', 'error', ...args], { maxBuffer: 1 << 28 })
  const times = run('ffprobe', ['-select_streams', 'v', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path]).toString().trim().split(/\s+/)
    .map((line) => Math.round(Number.parseFloat(line) * 1e6)).sort((a, b) => a - b)
  const rows = run('ffmpeg', ['-i', path, '-vsync', '0', '-vf', `crop=iw:2:0:ih*44/45,scale=${CELLS}:1:flags=area`, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'])
  if (rows.length !== times.length * CELLS) throw new Error(`${times.length} pictures and ${rows.length / CELLS} rows`)
  return times.map((us, at) => ({ us, bar: timeOfBar([...rows.subarray(at * CELLS, (at + 1) * CELLS)]) }))
}
