import type { DrainReport } from '@qps/http-contract'
import { engineLimits, type EngineRefusal, type RequestHead, serveStreams } from '@qps/http2-netpoll'
import type { Poller } from '@qps/netpoll'
import type { GrpcLimits } from '../options.ts'
import type { CallPlan, GrpcServer } from '../server/server.ts'
import { EngineCallStream } from './stream.ts'

export interface ListenNetpollOptions {
  /** 0, the default, picks a free port. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** Default `auto`: io_uring where it can be had, else epoll, else libuv. */
  backend?: 'io_uring' | 'epoll' | 'libuv' | 'auto'
  /** Called once for each connection, session or stream that is turned away. */
  onRefused?: ((reason: EngineRefusal) => void) | undefined
}

/** Where a server listens on the engine. */
export interface NetpollListening {
  readonly port: number
  /** `http://127.0.0.1:50051` */
  readonly url: string
  readonly poller: Poller
}

/**
 * Lets a gRPC server's calls come over HTTP/2 on the engine, in cleartext. It ends with the server's `close`.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE, QPS_BACKEND_UNAVAILABLE, QPS_USAGE, QPS_CLOSED.
 * @example
 * const server = createGrpcServer()
 * server.addService(definition, implementation)
 * const { url } = await listenOnNetpoll(server)
 * await server.close()
 */
export async function listenOnNetpoll(
  server: GrpcServer,
  options: ListenNetpollOptions = {},
): Promise<NetpollListening> {
  const { port = 0, host = '127.0.0.1', backend = 'auto', onRefused } = options
  const { clock, limits } = server
  const serving = await serveStreams(
    { port, host, backend, clock, onRefused, limits: engineLimitsOf(limits) },
    (stream) => {
      const { head } = stream
      // Equal heads are one object, whose plan is made once.
      const plan = (head.memo ??= server.plan(callHeadOf(head))) as CallPlan
      server.begin(new EngineCallStream(stream), plan, head.fields)
    },
  )
  try {
    server.use({
      get connections() {
        return serving.server.sessions.size
      },
      drain: (limitMs): Promise<DrainReport> => serving.drain(limitMs),
    })
  } catch (error) {
    await serving.drain(0)
    throw error
  }
  return { port: serving.port, url: `http://${serving.address}`, poller: serving.poller }
}

function callHeadOf(head: RequestHead) {
  return {
    method: head.method,
    path: head.path,
    contentType: head.get('content-type'),
    timeout: head.get('grpc-timeout'),
    encoding: head.get('grpc-encoding'),
  }
}

function engineLimitsOf(limits: Readonly<GrpcLimits>) {
  return {
    streamsMax: limits.streamsMax,
    windowBytes: limits.streamWindowBytes,
    connectionWindowBytes: limits.connectionWindowBytes,
    headerBytesMax: limits.headerListBytesMax,
    outputBytesMax: limits.sessionMemoryMb * 1024 * 1024,
    connectionsMax: limits.connectionsMax,
    connectionsPerAddressMax: limits.connectionsMax,
    resetsMax: limits.resetsMax,
    resetsPerS: limits.resetsPerS,
    readerStallMs: limits.readerStallMs,
    lingerMs: limits.lingerMs,
    idleMs: limits.idleMs,
    headersTimeoutMs: Math.min(limits.idleMs, engineLimits.headersTimeoutMs),
    sweepMs: limits.sweepMs,
  }
}
