import type { Http2SecureServer, Http2Server } from 'node:http2'
import { type Clock, QpsError, systemClock } from '@qps/core'
import type { DrainReport } from '@qps/http-contract'
import { type Encoding, encodingOf } from '../compression.ts'
import type { ServiceDefinition } from '../definition.ts'
import { checkedLimits, type GrpcLimits } from '../options.ts'
import { GrpcStatus } from '../status.ts'
import { parseTimeout } from '../timeout.ts'
import { type CallContext, type CalledMethod, ServerCall } from './call.ts'
import { NodeTransport } from './node/transport.ts'
import { type CallObserver, tellHandled } from './observer.ts'
import { httpRefusal, refuse, refuseHttp } from './refusals.ts'
import { type Handler, listenerFor } from './shapes.ts'
import type { CallHead, CallStream, CallTransport } from './transport.ts'

export interface GrpcServerOptions {
  limits?: Partial<GrpcLimits>
  /** Default: the system's. */
  clock?: Clock
  /** Is told of every call. */
  observer?: CallObserver
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

interface Route extends CalledMethod {
  readonly handler: Handler
}

/** What becomes of a call, as far as its head decides. Heads that are equal have equal plans. */
export type CallPlan =
  | { readonly refuse: (stream: CallStream) => void }
  | {
      readonly route: Route
      readonly encoding: Encoding
      readonly timeoutMs: number | undefined
      readonly refuse?: undefined
    }

/** @throws QpsError QPS_OPTION for a limit out of its range. */
export function createGrpcServer(options: GrpcServerOptions = {}): GrpcServer {
  return new GrpcServer(options)
}

/**
 * A gRPC server: services, and what becomes of calls. Services are those of grpc-js: the same definition and the same
 * implementation object run on either. Calls come over node:http2 (`listen`, `attach`), or from another transport.
 */
export class GrpcServer implements CallContext {
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
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
  readonly #observer: CallObserver | undefined
  readonly #node: NodeTransport
  readonly #transports: CallTransport[]
  /** Calls that are open now. */
  inFlight = 0
  #closing: Promise<DrainReport> | undefined

  constructor(options: GrpcServerOptions) {
    this.limits = checkedLimits(options.limits)
    this.clock = options.clock ?? systemClock
    this.#observer = options.observer
    this.#node = new NodeTransport(this)
    this.#transports = [this.#node]
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
      if (typeof handler !== 'function') return []
      const observed = this.#observer?.method(method.path)
      return [{ method, observed, handler: handler.bind(implementation) as Handler }]
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
  listen(at: { port?: number; host?: string } = {}): Promise<{ port: number; url: string }> {
    this.#checkOpen()
    const { port = 0, host = '127.0.0.1' } = at
    return this.#node.listen({ port, host })
  }

  /** Serves the streams of a server that was made with `http2ServerOptions`. It closes with this one. */
  attach(http2Server: Http2Server | Http2SecureServer): void {
    this.#checkOpen()
    this.#node.attach(http2Server)
  }

  /** @internal Calls will come from here too. It closes with this server. */
  use(transport: CallTransport): void {
    this.#checkOpen()
    this.#transports.push(transport)
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#transports.reduce((sum, { connections }) => sum + connections, 0)
  }

  /**
   * Ends serving and loses no call: see {@link drain}. A second call awaits the first.
   *
   * @param limitMs after this, what is left is cut. Default 5000.
   */
  close(limitMs: number = 5_000): Promise<DrainReport> {
    return (this.#closing ??= this.#drain(limitMs))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** @internal What becomes of calls with this head. */
  plan(head: CallHead): CallPlan {
    const httpStatus = httpRefusal(head)
    if (httpStatus !== undefined) return { refuse: (stream) => refuseHttp(stream, httpStatus) }
    const { path, timeout } = head
    const route = this.#routes.get(path)
    if (route === undefined) return this.#refusal(path, GrpcStatus.UNIMPLEMENTED, `this server has no method ${path}`)
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout)
    if (timeout !== undefined && timeoutMs === undefined) {
      return this.#refusal(path, GrpcStatus.INTERNAL, `grpc-timeout ${timeout} is malformed`)
    }
    const encoding = encodingOf(head.encoding)
    if (encoding === undefined)
      return this.#refusal(path, GrpcStatus.UNIMPLEMENTED, 'this grpc-encoding is not supported')
    return { route, encoding, timeoutMs }
  }

  /** @internal A stream with a request's head has come. @returns false where it was answered there and then. */
  begin(stream: CallStream, plan: CallPlan, rawHeaders: readonly string[]): boolean {
    if (plan.refuse !== undefined) {
      this.counters.refused++
      plan.refuse(stream)
      return false
    }
    const { route, encoding, timeoutMs } = plan
    this.counters.calls++
    this.inFlight++
    route.observed?.started()
    const call = new ServerCall(stream, route, rawHeaders, encoding, this)
    call.start(listenerFor(call, route.method, route.handler), timeoutMs)
    return true
  }

  /** An end that is clear from the head: the call is over as soon as it has begun. */
  #refusal(path: string, code: number, details: string): CallPlan {
    const observed = this.#observer?.method(path)
    return {
      refuse(stream) {
        observed?.started()
        refuse(stream, code, details)
        tellHandled(observed, code, 0)
      },
    }
  }

  async #drain(limitMs: number): Promise<DrainReport> {
    const reports = await Promise.all(this.#transports.map((transport) => transport.drain(limitMs)))
    return reports.reduce((sum, { completed, dropped, ms }) => ({
      completed: sum.completed + completed,
      dropped: sum.dropped + dropped,
      ms: Math.max(sum.ms, ms),
    }))
  }

  #checkOpen(): void {
    if (this.#closing) throw new QpsError('QPS_CLOSED', 'the gRPC server is closing', { hint: 'create another' })
  }

  /** @internal */
  onClosed(call: ServerCall): void {
    const { counters } = this
    this.inFlight--
    counters.messagesIn += call.messagesIn
    counters.messagesOut += call.messagesOut
    counters.copies += call.copies
    counters.copiedBytes += call.copiedBytes
    if (!call.answered) counters.cancelled++
    tellHandled(call.observed, call.outcome, (this.clock.nowMs() - call.startMs) / 1000)
  }
}
