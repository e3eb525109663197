import {
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { IncomingHttpHeaders, ServerOptions } from 'node:http2'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Clock, QpsError, systemClock } from '@qps/core'
import { type DrainReport, listenError, reachableHost, type RequestDone, requestDoneChannel } from '@qps/http-contract'
import { Transports } from '@qps/http2'
import { encodingOf } from '../compression.ts'
import type { AnyMethod, ServiceDefinition } from '../definition.ts'
import { checkedLimits, type GrpcLimits } from '../options.ts'
import { GrpcStatus } from '../status.ts'
import { parseTimeout } from '../timeout.ts'
import { ServerCall } from './call.ts'
import { ServerConnection } from './connection.ts'
import { drain } from './drain.ts'
import { httpRefusal, refuse, refuseHttp } from './refusals.ts'
import { type Handler, listenerFor } from './shapes.ts'

export interface GrpcServerOptions {
  limits?: Partial<GrpcLimits>
  /** Default: the system's. */
  clock?: Clock
  /** Called when a call's stream is gone. */
  onCall?: (info: CallInfo) => void
}

/** One call that is over, as metrics want it. */
export interface CallInfo {
  /** A method of this server: a bounded list. */
  path: string
  /** What the client was told; CANCELLED where it did not wait for that. */
  status: number
  /** From the header section to the end of the stream. */
  seconds: number
  messagesIn: number
  messagesOut: number
  /** Times that this package copied payload, and how many bytes. */
  copies: number
  copiedBytes: number
}

/** What happened since the start. */
export interface GrpcServerCounters {
  calls: number
  cancelled: number
  /** Answered before they came to a handler: unknown methods, wrong content types, bad headers. */
  refused: number
  messagesIn: number
  messagesOut: number
  copies: number
  copiedBytes: number
}

/** An implementation: handlers by the names of a definition. */
export type ServiceImplementation = Readonly<Record<string, Handler>>

interface Route {
  method: AnyMethod
  handler: Handler
}

/**
 * The options that node:http2 needs to hold the limits: `createServer` or `createSecureServer` with them, then
 * {@link GrpcServer.attach}.
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

/** @throws QpsError QPS_OPTION for a limit out of its range. */
export function createGrpcServer(options: GrpcServerOptions = {}): GrpcServer {
  return new GrpcServer(options)
}

/**
 * A gRPC server on node:http2's streams. Services are those of grpc-js: the same definition and the same implementation
 * object run on either.
 */
export class GrpcServer {
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  /** @internal */
  readonly connections: Map<ServerHttp2Session, ServerConnection> = new Map()
  /** @internal */
  readonly transports: Transports = new Transports()
  /** @internal */
  readonly listeners: Set<Http2Server | Http2SecureServer> = new Set()
  readonly counters: GrpcServerCounters = {
    calls: 0,
    cancelled: 0,
    refused: 0,
    messagesIn: 0,
    messagesOut: 0,
    copies: 0,
    copiedBytes: 0,
  }
  readonly #routes = new Map<string, Route>()
  readonly #onCall: ((info: CallInfo) => void) | undefined
  #sweep: Disposable | undefined
  #closing: Promise<DrainReport> | undefined

  constructor(options: GrpcServerOptions) {
    this.limits = checkedLimits(options.limits)
    this.clock = options.clock ?? systemClock
    this.#onCall = options.onCall
  }

  /**
   * Adds a service. A method that the implementation lacks is answered UNIMPLEMENTED.
   *
   * @param definition of grpc-js, or made by `serviceDefinition`.
   * @param implementation handlers by method name, or by `originalName`. Its `this` is the implementation.
   * @throws QpsError QPS_GRPC_SERVICE where a method is there already, or the implementation has none of them.
   */
  addService(definition: ServiceDefinition, implementation: object): void {
    const handlers = implementation as ServiceImplementation
    const routes = Object.entries(definition).flatMap(([name, method]): Route[] => {
      const handler = handlers[name] ?? (method.originalName === undefined ? undefined : handlers[method.originalName])
      return typeof handler === 'function' ? [{ method, handler: handler.bind(implementation) as Handler }] : []
    })
    if (routes.length === 0) {
      const known = Object.keys(definition).join(', ')
      throw new QpsError('QPS_GRPC_SERVICE', 'the implementation has no method of the service', {
        hint: known === '' ? 'the definition is empty' : `name its methods ${known}`,
      })
    }
    for (const { method } of routes) {
      if (!this.#routes.has(method.path)) continue
      throw new QpsError('QPS_GRPC_SERVICE', `${method.path} has been added already`, { hint: 'add each service once' })
    }
    for (const route of routes) this.#routes.set(route.method.path, route)
  }

  /**
   * Listens without TLS. For TLS, {@link attach} a server of your own.
   *
   * @param at port 0 (the default) for a free one; host 127.0.0.1 by default.
   * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE where it cannot listen there.
   */
  async listen(at: { port?: number; host?: string } = {}): Promise<{ port: number; url: string }> {
    const { port = 0, host = '127.0.0.1' } = at
    const http2Server = createServer(http2ServerOptions(this.limits))
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

  /** Serves the streams of a server that was made with {@link http2ServerOptions}. It closes with this one. */
  attach(http2Server: Http2Server | Http2SecureServer): void {
    if (this.#closing) throw new QpsError('QPS_CLOSED', 'the gRPC server is closing', { hint: 'create another' })
    this.listeners.add(http2Server)
    http2Server.maxConnections = this.limits.connectionsMax
    this.transports.attach(http2Server)
    http2Server.on('session', (session) => this.#onSession(session))
    http2Server.on('stream', (stream, headers, _flags, rawHeaders) => this.#onStream(stream, headers, rawHeaders))
    this.#sweep ??= this.clock.every(this.limits.sweepMs, () => {
      const nowMs = this.clock.nowMs()
      for (const connection of this.connections.values()) connection.sweep(nowMs)
    })
  }

  /** Calls that are open now. */
  get inFlight(): number {
    let calls = 0
    for (const connection of this.connections.values()) calls += connection.calls.size
    return calls
  }

  /**
   * Ends serving and loses no call: see {@link drain}. A second call awaits the first.
   *
   * @param limitMs after this, what is left is cut. Default 5000.
   */
  close(limitMs: number = 5_000): Promise<DrainReport> {
    return (this.#closing ??= drain(this, limitMs).finally(() => this.#sweep?.[Symbol.dispose]()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #onSession(session: ServerHttp2Session): void {
    this.connections.set(
      session,
      new ServerConnection(session, this.limits, this.clock, (call) => this.#onCallClosed(call)),
    )
    session.on('close', () => this.connections.delete(session))
    session.on('connect', () => session.setLocalWindowSize(this.limits.connectionWindowBytes))
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    stream.on('error', ignore)
    const { session } = stream
    const connection = session === undefined ? undefined : this.connections.get(session as ServerHttp2Session)
    if (connection === undefined || !connection.admits(stream)) return
    const httpStatus = httpRefusal(headers)
    if (httpStatus !== undefined) return this.#refused(connection, stream, () => refuseHttp(stream, httpStatus))
    const path = headers[':path']!
    const route = this.#routes.get(path)
    if (route === undefined) {
      return this.#refused(connection, stream, () =>
        refuse(stream, GrpcStatus.UNIMPLEMENTED, `this server has no method ${path}`),
      )
    }
    const timeout = headers['grpc-timeout'] as string | undefined
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout)
    if (timeout !== undefined && timeoutMs === undefined) {
      return this.#refused(connection, stream, () =>
        refuse(stream, GrpcStatus.INTERNAL, `grpc-timeout ${timeout} is malformed`),
      )
    }
    const encoding = encodingOf(headers['grpc-encoding'] as string | undefined)
    if (encoding === undefined) {
      return this.#refused(connection, stream, () =>
        refuse(stream, GrpcStatus.UNIMPLEMENTED, 'this grpc-encoding is not supported'),
      )
    }
    this.counters.calls++
    const call = new ServerCall(stream, route.method, rawHeaders, encoding, connection)
    connection.calls.add(call)
    call.start(listenerFor(call, route.method, route.handler), timeoutMs)
  }

  #refused(connection: ServerConnection, stream: ServerHttp2Stream, answer: () => void): void {
    this.counters.refused++
    answer()
    connection.linger(stream)
  }

  #onCallClosed(call: ServerCall): void {
    const { counters } = this
    counters.messagesIn += call.messagesIn
    counters.messagesOut += call.messagesOut
    counters.copies += call.copies
    counters.copiedBytes += call.copiedBytes
    if (!call.answered) counters.cancelled++
    const status = call.status ?? GrpcStatus.CANCELLED
    const seconds = (this.clock.nowMs() - call.startMs) / 1000
    this.#onCall?.({
      path: call.method.path,
      status,
      seconds,
      messagesIn: call.messagesIn,
      messagesOut: call.messagesOut,
      copies: call.copies,
      copiedBytes: call.copiedBytes,
    })
    if (callDone.hasSubscribers) callDone.publish({ status: httpLike(status), seconds, count: 1 } satisfies RequestDone)
  }
}

/** Tells whoever subscribes of each call that is over. */
const callDone = channel(requestDoneChannel)
const serverFaults: ReadonlySet<number> = new Set([
  GrpcStatus.UNKNOWN,
  GrpcStatus.INTERNAL,
  GrpcStatus.UNAVAILABLE,
  GrpcStatus.DATA_LOSS,
])

function httpLike(status: number): number {
  if (status === GrpcStatus.OK) return 200
  if (status === GrpcStatus.CANCELLED) return 499
  return serverFaults.has(status) ? 500 : 400
}

function ignore(): void {
  // A stream that fails is closed as well: that is where it is seen to.
}
