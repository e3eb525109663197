import { once } from 'node:events'
import { type AddressInfo, createServer as createListener, type Server as NetServer, type Socket } from 'node:net'
import {
  connect,
  type ConnectionOptions,
  createServer,
  type SecureVersion,
  type Server,
  type TlsOptions,
} from 'node:tls'
import { createAuthority } from '@qps/tls'

export const authority = createAuthority()
export const localhost = authority.issue({ hosts: ['localhost', '127.0.0.1'] })
export const versions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3']

export interface Listening extends AsyncDisposable {
  server: Server
  port: number
}

/** Ends each connection with one letter: behind it, a client of TLS 1.3 has had its tickets. */
export async function listen(options: TlsOptions, attach: (server: Server) => void = () => {}): Promise<Listening> {
  const server = createServer(options, (socket) => socket.on('error', () => {}).end('.'))
  attach(server)
  const port = await portOf(server)
  return { server, port, [Symbol.asyncDispose]: () => closed(server) }
}

export async function portOf(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export async function closed(server: NetServer): Promise<void> {
  server.close()
  await once(server, 'close')
}

export interface Shaken {
  resumed: boolean
  session: Buffer | undefined
  alpn: string | false | null
  suite: string
  serial: string
}

/** One connection up to the server's end of it. @throws what the handshake fails with. */
export async function shake(port: number, options: ConnectionOptions = {}): Promise<Shaken> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ...options })
  let session: Buffer | undefined
  socket.on('session', (bytes) => {
    session = bytes
  })
  await once(socket, 'secureConnect')
  const shaken = {
    resumed: socket.isSessionReused(),
    alpn: socket.alpnProtocol,
    suite: socket.getCipher().standardName,
    serial: socket.getPeerX509Certificate()?.serialNumber ?? '',
  }
  socket.resume()
  await once(socket, 'close')
  return { ...shaken, session }
}

export function only(version: SecureVersion): ConnectionOptions {
  return { minVersion: version, maxVersion: version }
}

/** What a client of OpenSSL says first. */
export async function helloOf(options: ConnectionOptions = {}): Promise<Buffer> {
  const listener = createListener()
  const port = await portOf(listener)
  const accepted = once(listener, 'connection')
  const client = connect({ port, host: '127.0.0.1', ...options }).on('error', () => {})
  const [raw] = (await accepted) as [Socket]
  const [bytes] = (await once(raw, 'data')) as [Buffer]
  client.destroy()
  raw.destroy()
  await closed(listener)
  return bytes
}
