/** The one place where this folder reads clocks, so that tests can turn them. */
export interface Clock {
  /** Milliseconds, monotone. */
  now(): number
  /** Milliseconds since 1970 UTC, with fractions, on the same scale as the wire's `arrival_us`. */
  utc(): number
  set(run: () => void, ms: number): number
  clear(timer: number): void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  // Not timeOrigin + now(): that drifts from the system clock over days and across suspend, and the core stamps with
  // the system clock. Date is 1 ms granular, which is enough for an age.
  utc: () => Date.now(),
  set: (run, ms) => window.setTimeout(run, ms),
  clear: (timer) => window.clearTimeout(timer),
}
