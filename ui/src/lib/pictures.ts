/** Pictures that come as base64 from the core. */

export const dataUrl = (png: string): string => `data:image/png;base64,${png}`

/** Hands a picture to the browser's downloads. */
export function download(png: string, fileName: string): void {
  const link = document.createElement('a')
  link.href = dataUrl(png)
  link.download = fileName
  link.click()
}

export function filesOf(png: string, fileName: string): File[] {
  const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0))
  return [new File([bytes], fileName, { type: 'image/png' })]
}
