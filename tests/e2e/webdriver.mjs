/** A small W3C WebDriver client for the real Tauri window: WebKitWebDriver starts the app and drives its web view. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'

const START_MS = 60_000
/** The name under which WebDriver hands out elements (W3C WebDriver, 12.1). */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
/** W3C WebDriver, 17.4.2. */
const KEYS = {
  Escape: '\uE00C', Enter: '\uE007', Tab: '\uE004', Delete: '\uE017', Shift: '\uE008', PageUp: '\uE00E', PageDown: '\uE00F', Home: '\uE011',
  ArrowLeft: '\uE012', ArrowUp: '\uE013', ArrowRight: '\uE014', ArrowDown: '\uE015',
}

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
    await call(base, 'POST', `${session}/timeouts`, { script: 50_000, pageLoad: 50_000 })
    return {
      /** Evaluates an expression in the page; promises are awaited. */
      async run(expression) {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve().then(() => (${expression})).then((value) => done({ value }), (error) => done({ error: String(error) }))`
        const outcome = await call(base, 'POST', `${session}/execute/async`, { script, args: [] })
        if (outcome?.error) throw new Error(outcome.error)
        return outcome?.value
      },
      /** Presses the left button in the middle of an element, as a mouse does; `element` is what `run` gave. */
      click: (element) => call(base, 'POST', `${session}/element/${element[ELEMENT]}/click`, {}),
      /** Types into an element. */
      type: (element, text) => call(base, 'POST', `${session}/element/${element[ELEMENT]}/value`, { text }),
      /** Empties a field. */
      clear: (element) => call(base, 'POST', `${session}/element/${element[ELEMENT]}/clear`, {}),
      /** Presses keys together, the last one being struck; names as in WebDriver's table of keys. */
      async keys(...names) {
        const values = names.map((one) => KEYS[one] ?? one)
        const actions = [...values.map((value) => ({ type: 'keyDown', value })), ...values.reverse().map((value) => ({ type: 'keyUp', value }))]
        await call(base, 'POST', `${session}/actions`, { actions: [{ type: 'key', id: 'keyboard', actions }] })
      },
      /** Moves the mouse along `points`, with the left button held from the first to the last. */
      async drag(points, pauseMs = 0) {
        const [first, ...rest] = points.map(({ x, y }) => ({ type: 'pointerMove', duration: 40, x: Math.round(x), y: Math.round(y) }))
        const actions = [first, { type: 'pointerDown', button: 0 }, { type: 'pause', duration: pauseMs }, ...rest, { type: 'pointerUp', button: 0 }]
        await call(base, 'POST', `${session}/actions`, { actions: [{ type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' }, actions }] })
      },
      /** Two clicks at one place. */
      async doubleClick({ x, y }) {
        const press = [{ type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }]
        const actions = [{ type: 'pointerMove', duration: 0, x: Math.round(x), y: Math.round(y) }, ...press, ...press]
        await call(base, 'POST', `${session}/actions`, { actions: [{ type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' }, actions }] })
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
