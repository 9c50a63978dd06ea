/** The keys of the player page. Pure: a key in, what it means out. */
export type PlayerKey =
  | { do: 'toggle' | 'snapshot' | 'sound' | 'full' | 'leave' | 'whole' }
  | { do: 'step' | 'rate' | 'zoom' | 'turn'; by: 1 | -1 }
  | { do: 'arrow'; right: number; down: number; seconds: number }
  | { do: 'end'; last: boolean }

type Press = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>

const SKIP_S = 10
const FAR_S = 60

/** Null for keys that mean nothing here, and all that belong to the browser. */
export function playerKey({ key, shiftKey, ctrlKey, altKey, metaKey }: Press): PlayerKey | null {
  if (ctrlKey || altKey || metaKey) return null
  const skip = shiftKey ? FAR_S : SKIP_S
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case ' ': case 'k': return { do: 'toggle' }
    case ',': return { do: 'step', by: -1 }
    case '.': return { do: 'step', by: 1 }
    case 'j': case '<': return { do: 'rate', by: -1 }
    case 'l': case '>': return { do: 'rate', by: 1 }
    case '+': case '=': return { do: 'zoom', by: 1 }
    case '-': return { do: 'zoom', by: -1 }
    case '0': return { do: 'whole' }
    case 's': return { do: 'snapshot' }
    case 'm': return { do: 'sound' }
    case 'f': return { do: 'full' }
    case 'Escape': return { do: 'leave' }
    case 'ArrowLeft': return { do: 'arrow', right: -1, down: 0, seconds: -skip }
    case 'ArrowRight': return { do: 'arrow', right: 1, down: 0, seconds: skip }
    case 'ArrowUp': return { do: 'arrow', right: 0, down: -1, seconds: 0 }
    case 'ArrowDown': return { do: 'arrow', right: 0, down: 1, seconds: 0 }
    case 'Home': return { do: 'end', last: false }
    case 'End': return { do: 'end', last: true }
    case 'PageUp': return { do: 'turn', by: -1 }
    case 'PageDown': return { do: 'turn', by: 1 }
    default: return null
  }
}
