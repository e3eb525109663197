import { createServer } from 'node:http'
import { QpsError } from '@qps/core'
import { listen } from '@qps/http'
import { expect, test } from 'vitest'

test('listens on a free port and returns the URL', async () => {
  using server = disposable()
  expect(await listen(server.server, { host: '127.0.0.1', port: 0 })).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
})

test('a wildcard host gives a URL that can be used', async () => {
  using server = disposable()
  expect(await listen(server.server, { host: '0.0.0.0', port: 0 })).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
})

test('a port in use is named, with the next step', async () => {
  using first = disposable()
  using second = disposable()
  const port = Number(new URL(await listen(first.server, { host: '127.0.0.1', port: 0 })).port)
  const error = await listen(second.server, { host: '127.0.0.1', port }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(QpsError)
  expect(error).toMatchObject({ code: 'QPS_PORT_IN_USE', message: `port ${port} on 127.0.0.1 is in use` })
  expect((error as QpsError).hint).toContain('--port')
})

test.each(['192.0.2.1', 'no.such.host.invalid'])('a host that is not of this machine: %s', async (host) => {
  using server = disposable()
  const error = await listen(server.server, { host, port: 0 }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'QPS_ADDRESS_UNAVAILABLE', message: expect.stringContaining(host) })
})

function disposable() {
  const server = createServer()
  return { server, [Symbol.dispose]: () => void server.close() }
}
