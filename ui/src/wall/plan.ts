/** Which channel is in which window, over all pages. Pure: every change gives a new plan. */

export interface PlanChannel { device: string; channel: number }
/** By position on the wall; null is an empty window. */
export type Plan = readonly (PlanChannel | null)[]

const same = (a: PlanChannel | null, b: PlanChannel | null): boolean =>
  a === b || (a !== null && b !== null && a.device === b.device && a.channel === b.channel)

/** Empty windows behind the last channel are nobody's: pages end with it. */
function trimmed(plan: Plan): Plan {
  let length = plan.length
  while (length > 0 && plan[length - 1] === null) length -= 1
  return plan.slice(0, length)
}

export function positionOf(plan: Plan, channel: PlanChannel): number | null {
  const at = plan.findIndex((one) => same(one, channel))
  return at < 0 ? null : at
}

/** Two windows change places; one of them may be empty, or beyond the end. */
export function swapped(plan: Plan, a: number, b: number): Plan {
  const length = Math.max(plan.length, a + 1, b + 1)
  const next = Array.from({ length }, (_, at) => plan[at] ?? null)
  next[a] = plan[b] ?? null
  next[b] = plan[a] ?? null
  return trimmed(next)
}

/** The window stays, empty, so that no other picture jumps. */
export function closed(plan: Plan, at: number): Plan {
  return trimmed(plan.map((one, index) => (index === at ? null : one)))
}

/** A channel is on the wall once: when it is there already it moves, and what it replaces takes no other place. */
export function put(plan: Plan, at: number, channel: PlanChannel): Plan {
  const length = Math.max(plan.length, at + 1)
  return trimmed(Array.from({ length }, (_, index) => {
    if (index === at) return { device: channel.device, channel: channel.channel }
    const one = plan[index] ?? null
    return same(one, channel) ? null : one
  }))
}

/** Channels of a new device go to the first empty windows, and behind the last. */
export function withNew(plan: Plan, channels: readonly PlanChannel[]): Plan {
  const next = [...plan]
  for (const { device, channel } of channels) {
    const at = next.indexOf(null)
    next[at < 0 ? next.length : at] = { device, channel }
  }
  return next
}
