import { beforeEach, describe, expect, it, vi } from 'vitest'
import { base64Of } from '@/lib/base64'
import { Camera, frameSize, lumaOf, troubleOf } from './camera'
import { Scanner } from './scanner'
import { usePlatform } from '@/api/client'
import type { QrCodes, QrFrame } from '@/api/generated'
import { failure, FakePlatform } from '@/platform/fake'

let core: FakePlatform
beforeEach(() => {
  core = new FakePlatform()
  usePlatform(core)
})

it.each([['NotAllowedError', 'denied'], ['NotFoundError', 'none'], ['OverconstrainedError', 'none'], ['NotReadableError', 'busy'], ['TypeError', 'failed']])(
  '%s means %s', (name, trouble) => expect(troubleOf(new DOMException('x', name))).toBe(trouble),
)

it('says that a page without HTTPS has no camera', async () => {
  await expect(Camera.open(document.createElement('video'))).rejects.toMatchObject({ trouble: 'insecure' })
})

it('makes small pictures of brightness', () => {
  expect(frameSize(1920, 1080)).toEqual({ width: 640, height: 360 })
  expect(frameSize(480, 640)).toEqual({ width: 480, height: 640 })
  expect([...lumaOf(new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255, 0, 255, 0, 255]))]).toEqual([255, 0, 149])
  const bytes = new Uint8Array(100_000).map((_, i) => i % 251)
  expect(Uint8Array.from(atob(base64Of(bytes)), (sign) => sign.charCodeAt(0))).toEqual(bytes)
})

describe('scanner', () => {
  const frame = { width: 2, height: 1, luma: new Uint8ClampedArray([0, 255]) }

  it('sends the next frame only after the answer to the one before, and counts up', async () => {
    const answers: ((codes: QrCodes) => void)[] = []
    const sent: QrFrame[] = []
    usePlatform({
      kind: 'fake',
      rpc: (_name, request) => new Promise((resolve) => {
        sent.push(request as QrFrame)
        answers.push((codes) => resolve({ ok: codes }))
      }),
    })
    const seen: number[] = []
    const scanner = new Scanner({ frame: () => frame }, ({ codes }) => void seen.push(codes.length), () => undefined, () => Promise.resolve())
    const done = scanner.run()
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    await Promise.resolve()
    expect(sent).toHaveLength(1)
    answers[0]?.({ codes: [] })
    await vi.waitFor(() => expect(sent).toHaveLength(2))
    expect(sent.map((one) => one.number)).toEqual([0, 1])
    expect(sent[0]?.luma).toBe(btoa('\u0000\u00ff'))
    scanner.stop()
    answers[1]?.({ codes: [] })
    await done
    expect(seen, 'an answer after the end counts no more').toEqual([0])
  })

  it('ends with the reason when the core cannot scan', async () => {
    core.overrides['qr.frame'] = () => { throw failure('unsupportedCommand') }
    const failed = vi.fn()
    await new Scanner({ frame: () => frame }, () => undefined, failed, () => Promise.resolve()).run()
    expect(failed).toHaveBeenCalledOnce()
    expect(failed.mock.calls[0]?.[0]).toMatchObject({ code: 'unsupportedCommand' })
  })
})
