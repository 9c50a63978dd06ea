/** Starts the project's programs for specs and measurements. BARTIZAN_PROGRAMS is their folder, BARTIZAN_UI the built page. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export const PROGRAMS = process.env.BARTIZAN_PROGRAMS ?? ''

/** `line` settles with what `pick` first takes of the output. */
export function start(program, args, env, pick) {
  const child = spawn(`${PROGRAMS}/${program}`, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const line = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const found = pick(text)
      if (found) resolve(found)
    })
    child.once('exit', () => reject(new Error(`${program} ended`)))
    child.once('error', reject)
  })
  // Whoever awaits it comes later.
  line.catch(() => undefined)
  return { child, line }
}

/** The web shell; `line` is its address, token included. */
export const startWeb = (args, env = {}) =>
  start('bartizan-web', ['--ui', process.env.BARTIZAN_UI, ...args], env, (text) => /at (http\S+)/.exec(text)?.[1])

/** Ends one and waits for it. */
export const stop = (child) => new Promise((resolve) => {
  if (child.exitCode !== null || child.signalCode !== null) resolve()
  child.once('exit', resolve)
  child.kill()
})

/** Calls a command of a web shell without a page. `url` is what the shell printed. */
export async function call(url, name, request = {}) {
  const { origin, searchParams } = new URL(url)
  const response = await fetch(`${origin}/rpc/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-bartizan-token': searchParams.get('token') },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(60_000),
  })
  const reply = await response.json()
  if ('err' in reply) throw new Error(`${name}: ${reply.err.code} ${reply.err.detail}`)
  return reply.ok
}
