/** A picture in which every pixel says where it is, and reading it off the wall. Functions `…InPage` run in the page. */

/**
 * Stops the live pictures of a window and shows one in which every pixel says where it is: luma grows across, blue
 * difference down.
 */
export async function chartInPage([at, w, h]) {
  const { renderer, tiles } = window.__bartizanWall
  const own = tiles.find((tile) => tile.index === at)
  const push = renderer.pushAll ?? renderer.push.bind(renderer)
  renderer.pushAll = push
  renderer.push = (id, picture) => (id === own.id ? picture.close() : push(id, picture))
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  // A live picture that is being copied out of its decoder's frame would be drawn after the chart.
  for (let n = 0; n < 300 && renderer.tiles.get(own.id)?.copying === true; n += 1) await frame()
  const y = Uint8Array.from({ length: w * h }, (_, i) => 64 + 128 * (((i % w) + 0.5) / w))
  const [hw, hh] = [w >> 1, h >> 1]
  const u = Uint8Array.from({ length: hw * hh }, (_, i) => 96 + 64 * ((Math.floor(i / hw) + 0.5) / hh))
  const v = new Uint8Array(hw * hh).fill(128)
  push(own.id, { kind: 'planes', width: w, height: h, matrix: 'bt709', fullRange: true, arrivalUs: 0, y, u, v, close: () => undefined })
  await frame()
  await frame()
}

/** Which point of the chart (0..1) is seen at each point (0..1) of the window's picture; null where it is black. */
export function seenInPage([at, list]) {
  return new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const wall = document.querySelector('.mount canvas')
      const box = window.__bartizanWall.pictureBox(at)
      const scale = wall.width / wall.clientWidth
      const copy = document.createElement('canvas')
      copy.width = wall.width
      copy.height = wall.height
      const context = copy.getContext('2d', { willReadFrequently: true })
      context.drawImage(wall, 0, 0)
      resolve(list.map(([x, y]) => {
        const px = Math.min(box.width - 1, Math.floor(x * box.width))
        const py = Math.min(box.height - 1, Math.floor(y * box.height))
        const [r, g, b] = context.getImageData(Math.floor((box.x + px) * scale), Math.floor((box.y + py) * scale), 1, 1).data
        const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
        return luma < 32 ? null : [(luma - 64) / 128, (128 + (b - luma) / 1.8556 - 96) / 64]
      }))
    }))
  })
}

export const near = (got, wanted, far = 0.035) =>
  got !== null && wanted !== null && Math.abs(got[0] - wanted[0]) <= far && Math.abs(got[1] - wanted[1]) <= far
