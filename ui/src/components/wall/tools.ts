/** The tools of the strip under the wall, and in which order they stand. */

export interface WallTool {
  /** Kept in the settings: letters only. */
  id: string
  icon: string
  /** Under the icon: one or two words. */
  text: string
  /** The whole of it for screen readers and as a tooltip; contains the text. */
  label: string
  disabled?: boolean
  /** A switch that is on; absent where the tool is none. */
  pressed?: boolean
  /** It opens something in place; absent where it does not. */
  expanded?: boolean
  /** A longer tooltip than the label. */
  hint?: string
  run: () => void
  /** What a press that lasts does in place of `run`; absent where it is a press like any other. */
  hold?: { begin: () => void; end: () => void }
}

/** The user's order first; tools that came with a newer version stand behind, in theirs. */
export function inOrder<T extends { id: string }>(tools: readonly T[], order: readonly string[]): T[] {
  const rank = (tool: T): number => {
    const at = order.indexOf(tool.id)
    return at < 0 ? order.length + tools.indexOf(tool) : at
  }
  return [...tools].sort((a, b) => rank(a) - rank(b))
}

/** With one of them at another place. */
export function shifted<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list]
  const [one] = next.splice(from, 1)
  if (one !== undefined) next.splice(to, 0, one)
  return next
}
