import {
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Clock } from '@qps/core'
import { type DrainReport, listenError, reachableHost } from '@qps/http-contract'
import { Transports } from '@qps/http2'
import { checkedLimits, type GrpcLimits } from '../../options.ts'
import type { GrpcServer } from '../server.ts'
import type { CallHead, CallTransport } from '../transport.ts'
import { ServerConnection } from './connection.ts'
import { drain } from './drain.ts'
import { NodeCallStream } from './stream.ts'

/**
 * The options that node:http2 needs to hold the limits: `createServer` or `createSecureServer` with them, then
 * `attach` of the server.
 */
export function http2ServerOptions(limits: Partial<GrpcLimits> = {}): ServerOptions {
  const { streamsMax, headerListBytesMax, streamWindowBytes, sessionMemoryMb, resetsMax, resetsPerS } =
    checkedLimits(limits)
  return {
    settings: {
      enablePush: false,
      maxConcurrentStreams: streamsMax,
      maxHeaderListSize: headerListBytesMax,
      initialWindowSize: streamWindowBytes,
    },
    maxSessionMemory: sessionMemoryMb,
    // nghttp2 does not know which calls were answered: its own count, of all resets, is to catch what ours cannot see. That
    // is a reset with the code 0, which looks like a good end, of a call whose answer was ready.
    streamResetBurst: resetsMax * 10,
    streamResetRate: resetsPerS * 10,
    // A repeated header is metadata with two values, not an error.
    strictSingleValueFields: false,
  }
}

/** Calls that come over node:http2. */
export class NodeTransport implements CallTransport {
  readonly clock: Clock
  readonly sessions: Map<ServerHttp2Session, ServerConnection> = new Map()
  readonly transports: Transports = new Transports()
  readonly listeners: Set<Http2Server | Http2SecureServer> = new Set()
  /** Calls that were answered since the start. */
  answered = 0
  readonly #server: GrpcServer
  readonly #limits: Readonly<GrpcLimits>
  #sweep: Disposable | undefined

  constructor(server: GrpcServer) {
    this.#server = server
    this.#limits = server.limits
    this.clock = server.clock
  }

  get connections(): number {
    return this.sessions.size
  }

  /** Calls that are open. */
  get inFlight(): number {
    let calls = 0
    for (const connection of this.sessions.values()) calls += connection.calls.size
    return calls
  }

  async listen({ port, host }: { port: number; host: string }): Promise<{ port: number; url: string }> {
    const http2Server = createServer(http2ServerOptions(this.#limits))
    try {
      // `once` rejects where 'error' comes first.
      const listening = once(http2Server, 'listening')
      http2Server.listen(port, host)
      await listening
    } catch (error) {
      throw listenError(error, { host, port })
    }
    this.attach(http2Server)
    const address = http2Server.address() as AddressInfo
    return { port: address.port, url: `http://${reachableHost(address)}:${address.port}` }
  }

  attach(http2Server: Http2Server | Http2SecureServer): void {
    this.listeners.add(http2Server)
    http2Server.maxConnections = this.#limits.connectionsMax
    this.transports.attach(http2Server)
    http2Server.on('session', (session) => this.#onSession(session))
    http2Server.on('stream', (stream, headers, _flags, rawHeaders) => this.#onStream(stream, headers, rawHeaders))
    this.#sweep ??= this.clock.every(this.#limits.sweepMs, () => {
      const nowMs = this.clock.nowMs()
      for (const connection of this.sessions.values()) connection.sweep(nowMs)
    })
  }

  async drain(limitMs: number): Promise<DrainReport> {
    try {
      return await drain(this, limitMs)
    } finally {
      this.#sweep?.[Symbol.dispose]()
    }
  }

  #onSession(session: ServerHttp2Session): void {
    this.sessions.set(session, new ServerConnection(this, session, this.#limits))
    session.on('close', () => this.sessions.delete(session))
    session.on('connect', () => session.setLocalWindowSize(this.#limits.connectionWindowBytes))
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    stream.on('error', ignore)
    const { session } = stream
    const connection = session === undefined ? undefined : this.sessions.get(session as ServerHttp2Session)
    if (connection === undefined || !connection.admits(stream)) return
    const callStream = new NodeCallStream(stream, connection)
    if (this.#server.begin(callStream, this.#server.plan(headOf(headers)), rawHeaders)) connection.calls.add(callStream)
  }
}

function headOf(headers: IncomingHttpHeaders): CallHead {
  return {
    method: headers[':method'],
    path: headers[':path']!,
    contentType: headers['content-type'],
    timeout: headers['grpc-timeout'] as string | undefined,
    encoding: headers['grpc-encoding'] as string | undefined,
  }
}

function ignore(): void {
  // A stream that fails is closed as well: that is where it is seen to.
}
