import type { StartVariant, VariantContext } from '@qps/console'
import type { DrainReport, RunningServer } from '@qps/http-contract'
import { contractRouter, serve } from '@qps/http1'
import { type MetricsRegistry, type RequestMetrics, requestMetrics, runtimeMetrics } from '@qps/metrics'

/** The routes that metrics know by name. */
const routes: readonly string[] = ['/', '/echo', '/plaintext']

/** A protocol that is served beside HTTP/1.1, on a port of its own. */
export interface Protocol {
  /** Its name among the endpoints: `h2`, `grpc`, … */
  readonly name: string
  /** `127.0.0.1:50051` */
  readonly address: string
  connections(): number
  inFlight(): number
  drain(limitMs: number): Promise<DrainReport>
}

/** @param port 0 picks a free one. @param registry for metrics that only this protocol has. */
export type StartProtocol = (
  at: { host: string; port: number },
  metrics: RequestMetrics,
  registry: MetricsRegistry,
) => Promise<Protocol>

/**
 * The stage's idea: one workload, several protocols. Every variant answers HTTP/1.1 as the baseline does, which is stage 2's
 * best; what it adds listens beside it, on the ports above.
 *
 *     8080  HTTP/1.1 on the engine          every variant
 *     8081  the variant's first protocol    h2, grpc, …
 *     8082  its second one
 */
export const variant = (...protocols: StartProtocol[]): StartVariant => {
  return async (context) => {
    const running: Protocol[] = []
    const sum = (count: (protocol: Protocol) => number): number =>
      running.reduce((total, each) => total + count(each), 0)
    const observers = runtimeMetrics(context.registry)
    const metrics = requestMetrics(context.registry, {
      routes,
      inFlight: () => http1.server.inFlight + sum((protocol) => protocol.inFlight()),
    })
    const http1 = await startHttp1(context, metrics)
    const drain = async (limitMs = 5_000): Promise<DrainReport> => {
      const reports = await Promise.all([http1, ...running].map((server) => server.drain(limitMs)))
      observers[Symbol.dispose]()
      return reports.reduce(added)
    }
    try {
      const port = Number(new URL(http1.url).port)
      for (const [index, start] of protocols.entries()) {
        const at = { host: context.host, port: context.port === 0 ? 0 : port + 1 + index }
        running.push(await start(at, metrics, context.registry))
      }
    } catch (error) {
      await drain(0)
      throw error
    }
    return {
      url: http1.url,
      notes: { engine: http1.poller.reason },
      endpoints: {
        http: new URL(http1.url).host,
        ...Object.fromEntries(running.map(({ name, address }) => [name, address])),
      },
      connections: () => http1.connections() + sum((protocol) => protocol.connections()),
      drain,
    } satisfies RunningServer
  }
}

function startHttp1({ host, port, connectionsMax }: VariantContext, metrics: RequestMetrics) {
  const limits = connectionsMax === undefined ? {} : { connectionsMax }
  return serve(
    { host, port, limits, onRequestDone: metrics.record, onRefused: metrics.refused },
    contractRouter().handler,
  )
}

function added(left: DrainReport, right: DrainReport): DrainReport {
  return {
    completed: left.completed + right.completed,
    dropped: left.dropped + right.dropped,
    ms: Math.max(left.ms, right.ms),
  }
}
