import { callOf, frame, getRoot, rawHttp2, settings, socketClosed } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedHttp2Variants, startHttp2 } from './http2-variants.ts'

/** SETTINGS_INITIAL_WINDOW_SIZE: nothing may be sent on any stream. */
const windowOfNothing = settings([4, 0])
/** The five bytes of gRPC, then an echo request with a payload of 64 bytes. */
const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 66, 10, 64]), Buffer.alloc(64, 'x')])

describe.concurrent('S11 HTTP/2 reader with window 0', () => {
  test.for(hardenedHttp2Variants)('$name: the session is closed within 10 s', async (variant, { expect }) => {
    await using stage = await startHttp2(variant)
    const attacker = await rawHttp2(stage.http2Port, variant.secure)
    const ended = socketClosed(attacker, 12_000)
    const ask =
      variant.call === undefined ? getRoot(1) : Buffer.concat([callOf(variant.call)(1), frame(0, 1, 1, message)])
    attacker.write(Buffer.concat([windowOfNothing, ask]))
    // Answering to pings is no reading.
    const pings = setInterval(() => attacker.write(frame(6, 0, 0, Buffer.alloc(8))), 500)
    const ms = await ended.finally(() => clearInterval(pings))
    expect(ms).toBeLessThanOrEqual(10_500)
    expect(ms).toBeGreaterThan(5_000)
    expect((await fetch(stage.url)).status).toBe(200)
  })
})
