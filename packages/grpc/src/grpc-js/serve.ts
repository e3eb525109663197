import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '@qps/core'
import { type DrainReport, listenError, reachableHost } from '@qps/http-contract'
import { type GrpcLimits, grpcLimits } from '../options.ts'
import type { ServiceDefinition } from '../definition.ts'
import type { CallObserver } from '../server/observer.ts'
import { Calls } from './calls.ts'

export interface ServeGrpcJsOptions {
  /** 0 picks a free port. */
  port: number
  host: string
  /** What is served: definitions with their implementations. */
  services: readonly (readonly [ServiceDefinition, object])[]
  /** Those that grpc-js has an option for. */
  limits?: Pick<GrpcLimits, 'messageBytesMax' | 'streamsMax' | 'headerListBytesMax'>
  clock?: Clock
  /** Is told of every call, as by `createGrpcServer`. */
  observer?: CallObserver
}

/** A server of grpc-js that listens. */
export interface RunningGrpcJs {
  readonly port: number
  /** `127.0.0.1:50051`: where clients of this machine reach it. */
  readonly address: string
  /** Calls whose streams are open. */
  inFlight(): number
  /** Ends serving: calls under way go on until the limit, then they are cut. */
  drain(limitMs: number): Promise<DrainReport>
}

/**
 * The same services on grpc-js, so that the two can be compared on the same handlers. Its own bounds are what holds: it
 * counts no resets and watches no windows.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE where it cannot listen there.
 * @example
 * const { port } = await serveGrpcJs({ port: 0, host: '127.0.0.1', services: [[workloadDefinition, workload({ status })]] })
 */
export async function serveGrpcJs(options: ServeGrpcJsOptions): Promise<RunningGrpcJs> {
  const { host, services, limits = grpcLimits, clock = systemClock } = options
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': limits.messageBytesMax,
    'grpc.max_concurrent_streams': limits.streamsMax,
    'grpc.max_metadata_size': limits.headerListBytesMax,
  })
  const calls = new Calls(clock, options.observer)
  calls.watch(server)
  for (const [definition, implementation] of services) {
    server.addService(calls.observedService(definition) as never, implementation as UntypedServiceImplementation)
  }
  const port = await new Promise<number>((resolve, reject) => {
    const at = `${host.includes(':') ? `[${host}]` : host}:${options.port}`
    server.bindAsync(at, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(listenError(error, { host, port: options.port }))
    })
  })
  return {
    port,
    address: `${reachableHost({ address: host, family: isIPv6(host) ? 'IPv6' : 'IPv4' })}:${port}`,
    inFlight: () => calls.inFlight,
    async drain(limitMs) {
      const startMs = clock.nowMs()
      const endedBefore = calls.ended
      const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      await Promise.race([ended, sleep(limitMs, undefined, { ref: false })])
      const dropped = calls.inFlight
      const completed = calls.ended - endedBefore
      server.forceShutdown()
      return { completed, dropped, ms: Math.round(clock.nowMs() - startMs) }
    },
  }
}
