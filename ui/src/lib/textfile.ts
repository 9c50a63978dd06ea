/** Texts as files that people keep or hand on. */

const base64 = (text: string): string => {
  let signs = ''
  for (const byte of new TextEncoder().encode(text)) signs += String.fromCharCode(byte)
  return btoa(signs)
}

/** For commands that take a file's bytes. */
export const textAsBase64 = base64

/** Hands a text to the browser's downloads. */
export function downloadText(text: string, fileName: string): void {
  const link = document.createElement('a')
  link.href = `data:application/json;base64,${base64(text)}`
  link.download = fileName
  link.click()
}

export const textFiles = (text: string, fileName: string): File[] => [new File([text], fileName, { type: 'application/json' })]
