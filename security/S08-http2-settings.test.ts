import { once } from 'node:events'
import { connect } from 'node:http2'
import { describe, test } from 'vitest'
import { allHttp2Variants, startHttp2 } from './http2-variants.ts'

describe.concurrent('S8 HTTP/2 settings', () => {
  test.for(allHttp2Variants)(
    '$name: 100 to 128 streams, no push, a header list of 16 KiB',
    async (variant, { expect }) => {
      await using stage = await startHttp2(variant)
      const session = connect(`${variant.secure ? 'https' : 'http'}://127.0.0.1:${stage.http2Port}`, {
        rejectUnauthorized: false,
      })
      session.on('error', () => {})
      await once(session, 'remoteSettings')
      const { maxConcurrentStreams, maxHeaderListSize, enablePush } = session.remoteSettings
      expect(maxConcurrentStreams).toBeGreaterThanOrEqual(100)
      expect(maxConcurrentStreams).toBeLessThanOrEqual(128)
      if (variant.hardened) {
        expect(maxHeaderListSize).toBe(16 * 1024)
        expect(enablePush).toBe(false)
        // grpc-js bounds the streams; of the other two it tells its clients nothing.
      } else expect(maxHeaderListSize).toBe(2 ** 32 - 1)
      session.destroy()
    },
  )
})
