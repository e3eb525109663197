import type { StartVariant, VariantContext } from '@qps/console'
import type { RunningServer } from '@qps/http'
import { contractRouter, serve } from '@qps/http1'
import { type RequestTally, requestMetrics, runtimeMetrics, type RuntimeTally } from '@qps/metrics'
import { type Backend, probe } from '@qps/netpoll'
import { startGroup } from '@qps/workers'
import { routes } from './baseline.ts'
import { LoopTrace } from './loop-trace.ts'

/**
 * The stage's idea: between the kernel and the handler stands an event engine, and it is ours.
 *
 *     kernel ─► ring (or epoll) ─► poller ─► HTTP/1.1 parser ─► router ─► handler
 *            ◄──── one send per connection and turn ◄── response ◄───────────┘
 *
 * One turn takes everything that has arrived, answers it, and hands all answers over in one system call. The limits, the
 * answers and the metrics are those of the baseline; only the way there is another.
 *
 * With more than one worker each thread has a poller and a listening socket of its own, on the same port.
 */
export const engine = (backend: Backend): StartVariant => {
  return async (context) => {
    // Nobody asked for this one by name: where the kernel forbids it, the next best takes its place, and says so.
    const able = context.asked || probe()[backend] === undefined ? backend : 'auto'
    return context.workers > 1 ? group('threads', able, context) : single(able, context)
  }
}

async function single(
  backend: Backend | 'auto',
  { host, port, connectionsMax, registry }: VariantContext,
): Promise<RunningServer> {
  const metrics = requestMetrics(registry, { routes, inFlight: () => serving.server.inFlight })
  const observers = runtimeMetrics(registry)
  const serving = await serve(
    {
      host,
      port,
      backend,
      limits: connectionsMax === undefined ? {} : { connectionsMax },
      onRequestDone: metrics.record,
      onRefused: metrics.refused,
    },
    contractRouter().handler,
  )
  const trace = new LoopTrace(serving.poller)
  return {
    url: serving.url,
    notes: { engine: serving.poller.reason },
    pages: { '/trace': trace.page },
    connections: () => serving.connections(),
    drain: (limitMs) => serving.drain(limitMs).finally(() => observers[Symbol.dispose]()),
  }
}

/**
 * The baseline in several processes. The primary accepts and deals the connections in turn, which is even, and costs a hop
 * on each new one.
 */
export const cluster: StartVariant = (context) => group('processes', 'baseline', context)

/** The baseline in several threads that listen on the same port: the kernel deals, by a hash of the addresses. */
export const reuseport: StartVariant = (context) => group('threads', 'baseline', context)

/** What a member tells of itself, a few times a second. */
export interface MemberTally {
  requests: RequestTally
  runtime: RuntimeTally
}

/** What the members of a group are told: plain data, see worker.ts. */
export interface WorkerData {
  variant: 'baseline' | Backend | 'auto'
  connectionsMax: number | undefined
}

async function group(
  kind: 'threads' | 'processes',
  variant: WorkerData['variant'],
  { host, port, workers, connectionsMax, registry }: VariantContext,
): Promise<RunningServer> {
  // Requests in flight are each member's own; the port shows those of all of them as counted a moment ago.
  const metrics = requestMetrics(registry, { routes, inFlight: () => 0 })
  const observers = runtimeMetrics(registry)
  const data: WorkerData = { variant, connectionsMax }
  const members = await startGroup({
    module: new URL(import.meta.resolve(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js')),
    count: workers,
    kind,
    host,
    port,
    data,
    onTally: (tally) => {
      const { requests, runtime } = tally as MemberTally
      metrics.add(requests)
      observers.add(runtime)
    },
  })
  return {
    url: members.url,
    notes: members.notes ?? {},
    connections: () => members.connections(),
    drain: (limitMs) => members.drain(limitMs).finally(() => observers[Symbol.dispose]()),
  }
}
