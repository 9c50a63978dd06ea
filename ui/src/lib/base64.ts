/** Bytes as base64, in pieces: one call with 300 000 arguments overflows the stack. */
export function base64Of(bytes: Uint8Array | Uint8ClampedArray): string {
  const PIECE = 0x8000
  let text = ''
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE))
  return btoa(text)
}
