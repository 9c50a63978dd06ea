/** CPU time and memory of process trees, from /proc (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs'

/** Fields of /proc/PID/stat after the command name; the last ')' ends that. */
function fields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(') ') + 2).split(' ')
  } catch {
    return null
  }
}

function childrenOf(parent) {
  return readdirSync('/proc').map(Number).filter((pid) => pid && Number(fields(pid)?.[1]) === parent)
}

function name(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

function tree(roots) {
  const parents = readdirSync('/proc').map(Number).filter(Boolean).map((pid) => [pid, Number(fields(pid)?.[1])])
  const all = [...roots]
  for (let at = 0; at < all.length; at += 1) all.push(...parents.filter(([, parent]) => parent === all[at]).map(([pid]) => pid))
  return [...new Set(all)]
}

/** What a process is for: its program, and of a browser's many processes which. */
function role(pid) {
  let words
  try {
    words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return ''
  }
  const program = words[0].split(' ')[0].split('/').at(-1) || name(pid)
  // Chromium rewrites its command line to one word with spaces.
  const all = words.join(' ')
  const type = /--type=([\w-]+)/.exec(all)?.[1]
  const service = /--utility-sub-type=(\w+)/.exec(all)?.[1]
  return [program, type, service].filter(Boolean).join(' ')
}

/** Resident memory now of all processes below `roots`, MiB, summed by what they are for. */
function rssByRole(roots) {
  const sum = {}
  for (const pid of tree(roots)) {
    const stat = fields(pid)
    const what = role(pid)
    if (stat && what !== '') sum[what] = (sum[what] ?? 0) + (Number(stat[21]) * 4096) / 2 ** 20
  }
  return sum
}

/** When a process was started, milliseconds since 1970, to 10 ms. */
function startedAt(pid) {
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  return Date.now() - (uptime - Number(fields(pid)[19]) / 100) * 1000
}

function pssKib(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** The four quarters of a series. */
const quarters = (series) => [0, 1, 2, 3].map((nth) => series.slice(Math.floor((series.length * nth) / 4), Math.floor((series.length * (nth + 1)) / 4)))

function now(roots) {
  const sum = { cpu_s: 0, rss_mib: 0, pss_mib: 0, processes: 0, by_process: {} }
  for (const pid of tree(roots)) {
    const stat = fields(pid)
    if (!stat) continue
    // CLK_TCK is 100 wherever this runs; reaped children count too.
    const cpu = (Number(stat[11]) + Number(stat[12]) + Number(stat[13]) + Number(stat[14])) / 100
    const rss = (Number(stat[21]) * 4096) / 2 ** 20
    sum.cpu_s += cpu
    sum.rss_mib += rss
    sum.pss_mib += pssKib(pid) / 1024
    sum.processes += 1
    const row = (sum.by_process[name(pid)] ??= { cpu_s: 0, rss_mib: 0 })
    row.cpu_s += cpu
    row.rss_mib += rss
  }
  return sum
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

export const sampleUsage = {
  rssMib: (pid) => (Number(fields(pid)?.[21] ?? 0) * 4096) / 2 ** 20,
  childrenOf,
  tree,
  name,
  rssByRole,
  startedAt,
  /** User and system time of one process, seconds. */
  cpuS: (pid) => (Number(fields(pid)?.[11] ?? 0) + Number(fields(pid)?.[12] ?? 0)) / 100,
  /** Samples every half second until stopped: CPU spent in between, peak memory. */
  start(roots) {
    const before = now(roots)
    let peakRss = before.rss_mib
    let peakPss = before.pss_mib
    const rss = []
    const timer = setInterval(() => {
      const sample = now(roots)
      rss.push(sample.rss_mib)
      peakRss = Math.max(peakRss, sample.rss_mib)
      peakPss = Math.max(peakPss, sample.pss_mib)
    }, 500)
    return {
      stop() {
        clearInterval(timer)
        const after = now(roots)
        const round = (value, digits) => Number(value.toFixed(digits))
        return {
          cpu_s: round(after.cpu_s - before.cpu_s, 2),
          peak_rss_mib: round(Math.max(peakRss, after.rss_mib), 1),
          peak_pss_mib: round(Math.max(peakPss, after.pss_mib), 1),
          // By quarters of the time: an engine collects all of its garbage once in a minute or two, so only what is left
          // after that tells of a leak, and only a quarter of many minutes is sure to have such a moment.
          rss_quarters: quarters(rss).map((part) => ({ least_mib: round(Math.min(...part), 1), mean_mib: round(mean(part), 1) })),
          processes: after.processes,
          by_process: Object.fromEntries(Object.entries(after.by_process).map(([process, row]) => [
            process,
            { cpu_s: round(row.cpu_s - (before.by_process[process]?.cpu_s ?? 0), 2), rss_mib: round(row.rss_mib, 1) },
          ])),
        }
      },
    }
  },
}
