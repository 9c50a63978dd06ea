/** A small W3C WebDriver client for the real Tauri window: WebKitWebDriver starts the app and drives its web view. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'

const START_MS = 60_000

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function call(base, method, path, body) {
  const response = await fetch(`${base}${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    // A dead app would otherwise hang a command for ever.
    signal: AbortSignal.timeout(START_MS),
  })
  const { value } = await response.json()
  if (value?.error) throw new Error(`${value.error}: ${value.message}`)
  return value
}

/** Starts `program` in an automated window. */
export async function openWindow(program, options = {}) {
  const port = await freePort()
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    env: { ...process.env, ...options.env, TAURI_WEBVIEW_AUTOMATION: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  const stopDriver = () => {
    try {
      process.kill(-driver.pid, 'SIGTERM')
    } catch {
      // It is gone already.
    }
  }
  const base = `http://127.0.0.1:${port}`
  try {
    await ready(base)
    const { sessionId } = await call(base, 'POST', '/session', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary: program, args: options.args ?? [] } } },
    })
    const session = `/session/${sessionId}`
    await call(base, 'POST', `${session}/timeouts`, { script: 30_000, pageLoad: 30_000 })
    return {
      /** Evaluates an expression in the page; promises are awaited. */
      async run(expression) {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve().then(() => (${expression})).then((value) => done({ value }), (error) => done({ error: String(error) }))`
        const outcome = await call(base, 'POST', `${session}/execute/async`, { script, args: [] })
        if (outcome?.error) throw new Error(outcome.error)
        return outcome?.value
      },
      /** A PNG of the page, base64. */
      screenshot: () => call(base, 'GET', `${session}/screenshot`),
      pids: () => [driver.pid],
      async close() {
        await call(base, 'DELETE', session).catch(() => {})
        stopDriver()
      },
    }
  } catch (error) {
    stopDriver()
    throw error
  }
}

async function ready(base) {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      await call(base, 'GET', '/status')
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
