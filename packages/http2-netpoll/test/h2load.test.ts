import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { surfaceHandler } from '@qps/http2-netpoll'
import { requireProgram } from '@qps/testkit'
import { expect, test } from 'vitest'
import { backends, start } from './support.ts'

const h2load = requireProgram('h2load', 'apt-get install nghttp2-client')

/* nghttp2's client is nobody's here: it has its own notion of windows, of HPACK's table, and of what an answer is. */
test.skipIf(!h2load.available).each(backends)(`h2load on %s ${h2load.reason}`, async (backend) => {
  await using server = await start(backend, surfaceHandler(1000))
  const run = async (...argv: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('h2load', [...argv, `http://127.0.0.1:${server.port}/`], {
      timeout: 12_000,
    })
    return stdout
  }
  const report = await run('-n', '10000', '-c', '4', '-m', '100')
  expect(report).toContain('10000 total, 10000 started, 10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout')
  expect(report).toContain('status codes: 10000 2xx, 0 3xx, 0 4xx, 0 5xx')
  // Small windows: 255 bytes of a stream, 511 of the session.
  expect(await run('-n', '1000', '-c', '2', '-m', '50', '-w', '8', '-W', '9')).toContain('1000 succeeded')
  expect(server.server.answered).toBe(11_000)
})
