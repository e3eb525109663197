import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type ConnectionOptions, createServer, type SecureVersion, type TlsOptions } from 'node:tls'
import { checkInteger } from '@qps/core'
import { tlsError } from '../errors.ts'
import { type Flight, startRelay } from './relay.ts'

export interface TraceOptions {
  /** Where a TLS server listens. */
  port: number
  /** Default `127.0.0.1`. */
  host?: string
  /** What the client does: `ca`, `minVersion`, `maxVersion`, `session`, `ALPNProtocols`. */
  client?: ConnectionOptions
  /** In milliseconds, 100 to 60,000. Default 5000. */
  timeoutMs?: number
}

/** One handshake as somebody between client and server sees it. */
export interface HandshakeTrace {
  version: string
  suite: string
  resumed: boolean
  /**
   * How often the client had to wait for the server before it could send its first byte of data: the server's flights until
   * then. TCP's own handshake is one more, before all of this.
   */
  roundTrips: number
  clientBytes: number
  serverBytes: number
  /** In order. Behind the handshake of TLS 1.3 comes one of the server with tickets, for which nobody waits. */
  flights: Flight[]
  /** The last session that the client was given: to resume with. */
  session: Buffer | undefined
}

/**
 * Performs one handshake with a server through a relay, ends the connection, and tells what went over it. A server that itself
 * speaks first has its data counted too.
 *
 * @throws QpsError QPS_TLS_HANDSHAKE where there was none in time, or either side refused; QPS_OPTION.
 */
export async function traceHandshake(options: TraceOptions): Promise<HandshakeTrace> {
  const { host = '127.0.0.1', client = {} } = options
  const port = checkInteger('port', options.port, { min: 1, max: 65_535 })
  const timeoutMs = checkInteger('timeoutMs', options.timeoutMs ?? 5000, { min: 100, max: 60_000 })
  await using relay = await startRelay(host, port)
  const { flights } = relay
  const socket = connect({ ...client, host: '127.0.0.1', port: relay.port })
  // What goes wrong before the handshake is over, `once` tells; what goes wrong while it is cut short, nobody asks for.
  socket.on('error', () => {})
  let session: Buffer | undefined
  socket.on('session', (bytes) => {
    session = bytes
  })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    await once(socket, 'secureConnect', { signal })
    const roundTrips = flights.filter(({ from }) => from === 'server').length
    const seen = { version: socket.getProtocol() ?? '', suite: socket.getCipher().standardName }
    const resumed = socket.isSessionReused()
    // The server answers this alert after all that it had to say before: then the tickets are here.
    socket.resume().end()
    await once(socket, 'close', { signal })
    const bytesOf = (side: Flight['from']): number =>
      flights.reduce((sum, { from, bytes }) => (from === side ? sum + bytes : sum), 0)
    const bytes = { clientBytes: bytesOf('client'), serverBytes: bytesOf('server') }
    return { ...seen, resumed, roundTrips, ...bytes, flights, session }
  } catch (cause) {
    throw tlsError('QPS_TLS_HANDSHAKE', `no handshake with ${host}:${port}`, cause)
  } finally {
    socket.destroy()
  }
}

/**
 * Traces a full and a resumed handshake of each version with a server of these options, which it starts and ends.
 *
 * @param server as {@link secureContextOptions} gives them. @param ca the certificate, PEM, that signed the server's.
 * @returns four traces: TLS 1.2 full, resumed, TLS 1.3 full, resumed. @throws QpsError QPS_TLS_HANDSHAKE.
 */
export async function traceHandshakes(server: TlsOptions, ca: string): Promise<HandshakeTrace[]> {
  const target = createServer(server, (socket) => socket.on('error', () => {}).resume())
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const { port } = target.address() as AddressInfo
  const traces: HandshakeTrace[] = []
  try {
    for (const version of ['TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
      const client: ConnectionOptions = { ca, servername: 'localhost', minVersion: version, maxVersion: version }
      const full = await traceHandshake({ port, client })
      const { session } = full
      traces.push(full, await traceHandshake({ port, client: { ...client, ...(session && { session }) } }))
    }
  } finally {
    target.close()
  }
  return traces
}
