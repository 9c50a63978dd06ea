/** Texts as files that people keep or hand on. */

import { base64Of } from './base64'

/** For commands that take a file's bytes. */
export const textAsBase64 = (text: string): string => base64Of(new TextEncoder().encode(text))

/** Hands a text to the browser's downloads. */
export function downloadText(text: string, fileName: string): void {
  const link = document.createElement('a')
  link.href = `data:application/json;base64,${textAsBase64(text)}`
  link.download = fileName
  link.click()
}

export const textFiles = (text: string, fileName: string): File[] => [new File([text], fileName, { type: 'application/json' })]
