/** The command contract on the web shell; window.e2e.mjs runs the same list in the Tauri window. */
import { after, before, describe, test } from 'node:test'
import { CALLS, checkCall } from './contract.mjs'
import { APP_URL, launch, openApp, READY } from './lib.mjs'

describe('the command contract', { skip: READY ? false : 'BARTIZAN_URL and BARTIZAN_SIM are not set' }, () => {
  let browser
  let app
  before(async () => {
    browser = await launch()
    app = await openApp(browser)
  })
  after(async () => {
    await app?.close()
    await browser?.close()
  })

  const rpc = (name, request) => app.page.evaluate(async ([command, body]) => {
    const response = await fetch(`/rpc/${command}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-bartizan-token': sessionStorage.getItem('bartizan.token') ?? '' },
      body: JSON.stringify(body),
    })
    return response.json()
  }, [name, request])

  for (const call of CALLS) {
    test(`${call.name}: ${call.says}`, async () => checkCall(call, rpc))
  }

  test('a wrong token is refused', async () => {
    const { origin } = new URL(APP_URL)
    const response = await fetch(`${origin}/rpc/app.info`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'x-bartizan-token': '0'.repeat(32) }, body: '{}',
    })
    if (response.status !== 403) throw new Error(`status ${response.status}`)
  })
})
