import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { createTransport as createNet } from '../src/net-transport.ts'
import { createTransport as createTls } from '../src/tls-transport.ts'
import type { TransportTarget } from '../src/transport.ts'

/** More than a socket takes at once. */
const bytes = 8 * 1024 * 1024

test.each(['net', 'tls'])('what %s was given to copy may change before a slow server has read it', async (name) => {
  const authority = createAuthority()
  const received = Promise.withResolvers<boolean>()
  const read = (socket: Socket): void => {
    let count = 0
    let isRight = true
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => {
      count += piece.length
      isRight &&= piece.every((byte) => byte === 0x61)
      if (count === bytes) received.resolve(isRight)
    })
  }
  const server = name === 'net' ? createTcpServer(read) : createTlsServer(authority.issue({ hosts: ['x.test'] }), read)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const tls = { servername: 'x.test', alpn: 'http/1.1', ca: authority.cert, insecure: false } as const
  const target: TransportTarget = { address: '127.0.0.1', port, ...(name === 'tls' && { tls }) }
  const transport = name === 'net' ? createNet() : createTls()
  const opened = Promise.withResolvers<void>()
  const connection = transport.connect(target, { onConnect: opened.resolve, onData() {}, onClose() {} })
  await opened.promise
  const output = Buffer.alloc(bytes, 'a')
  // The second one waits for the first.
  connection.writeCopy(output, 0, bytes / 2)
  connection.writeCopy(output, bytes / 2, bytes)
  output.fill('b')
  expect(await received.promise).toBe(true)
  connection.close()
  server.close()
})
