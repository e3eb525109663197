import { Counter, Gauge, type Registry } from 'prom-client'
import { LatencyBuckets, renderedHistogram } from './latency-buckets.ts'

/** A method of a service; a definition's own method fits. */
export interface RpcMethod {
  /** `/package.Service/Method` */
  path: string
  /** True where the client sends any number of messages. */
  requestStream: boolean
  /** True where the server does. */
  responseStream: boolean
}

export interface RpcMetricsOptions {
  /** The methods that may appear as labels, 9 at most; what follows, and any other, counts as `unknown`. */
  methods: readonly RpcMethod[]
  /** What `grpc_code` says of a status, by the status's number, 19 at most; any other number is `other`. */
  statuses: readonly string[]
}

/**
 * Prometheus keeps every series for ever: with `unknown`, 10 methods, of which each has 18 lines of a histogram, and 20
 * statuses at most. No metric can have more than 200.
 */
const methodsMax = 9
const statusesMax = 19

const labelNames = ['grpc_type', 'grpc_service', 'grpc_method'] as const
type RpcLabels = Record<(typeof labelNames)[number], string>
const durationName = 'grpc_server_handling_seconds'

/** What happens to the calls of one method, counted as it happens. */
export interface RpcTally {
  started(): void
  received(): void
  sent(): void
  /** @param status a number that stands for one of `statuses`. @param seconds from the call's head to the end of its stream. */
  handled(status: number, seconds: number): void
}

/**
 * The metrics of a server's calls: begun, handled by status, their duration, messages in and out, and how many are open.
 * The names and labels are those of go-grpc-prometheus, so that dashboards and alerts made for it work; in flight, which
 * it has not, is `grpc_server_calls_in_flight`.
 *
 * Performance contract: a method is looked up once, before its calls come. What is counted for a call is a field of an
 * object that is there already: nothing is allocated, no string is looked at, and no library is called until somebody
 * scrapes.
 *
 * @example
 * const metrics = rpcMetrics(registry, { methods: Object.values(definition), statuses: ['OK', 'Canceled'] })
 * const echo = metrics.method('/example.Service/Echo')
 * echo.started()
 * echo.handled(0, 0.0012)
 */
export interface RpcMetrics {
  /** @returns where the calls of this method are counted. O(1); the same object for every path that is not among `methods`. */
  method(path: string): RpcTally
}

export function rpcMetrics(registry: Registry, options: RpcMetricsOptions): RpcMetrics {
  const statuses = [...options.statuses.slice(0, statusesMax), 'other']
  const tallyOf = (labels: RpcLabels): MethodTally => new MethodTally(labels, statuses.length)
  const known = new Map(options.methods.slice(0, methodsMax).map((method) => [method.path, tallyOf(labelsOf(method))]))
  const unknown = tallyOf({ grpc_type: 'unknown', grpc_service: 'unknown', grpc_method: 'unknown' })
  const called = (): MethodTally[] => [...known.values(), unknown].filter(({ begun }) => begun > 0)

  const total = (name: string, help: string, read: (tally: MethodTally) => number): void => {
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const tally of called()) this.inc(tally.labels, read(tally))
      },
    })
  }
  total('grpc_server_started_total', 'Calls that have begun.', ({ begun }) => begun)
  total('grpc_server_msg_received_total', 'Messages that clients have sent.', ({ messagesIn }) => messagesIn)
  total('grpc_server_msg_sent_total', 'Messages sent to clients.', ({ messagesOut }) => messagesOut)

  new Counter({
    name: 'grpc_server_handled_total',
    help: 'Calls that have ended, by status.',
    labelNames: [...labelNames, 'grpc_code'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, byStatus } of called()) {
        for (const [status, count] of byStatus.entries()) {
          if (count > 0) this.inc({ ...labels, grpc_code: statuses[status]! }, count)
        }
      }
    },
  })
  new Gauge({
    name: 'grpc_server_calls_in_flight',
    help: 'Calls that have begun and not ended.',
    labelNames,
    registers: [registry],
    collect() {
      for (const { labels, begun, ended } of called()) this.set(labels, begun - ended)
    },
  })
  registry.registerMetric(
    renderedHistogram({
      name: durationName,
      help: "Time from a call's header section to the end of its stream.",
      rows: () => called().flatMap(({ labels, durations }) => durations.rows(durationName, labels)),
    }),
  )

  return { method: (path) => known.get(path) ?? unknown }
}

/** One method's numbers as plain memory. */
class MethodTally implements RpcTally {
  readonly labels: RpcLabels
  readonly durations: LatencyBuckets = new LatencyBuckets()
  /** By the status's number; the last one is for all that have none of their own. */
  readonly byStatus: Float64Array
  begun = 0
  ended = 0
  messagesIn = 0
  messagesOut = 0

  constructor(labels: RpcLabels, statuses: number) {
    this.labels = labels
    this.byStatus = new Float64Array(statuses)
  }

  started(): void {
    this.begun++
  }

  received(): void {
    this.messagesIn++
  }

  sent(): void {
    this.messagesOut++
  }

  handled(status: number, seconds: number): void {
    this.ended++
    const other = this.byStatus.length - 1
    this.byStatus[status >= 0 && status < other ? status : other]!++
    this.durations.record(seconds, 1)
  }
}

function labelsOf(method: RpcMethod): RpcLabels {
  const { path } = method
  const slash = path.lastIndexOf('/')
  return { grpc_type: typeOf(method), grpc_service: path.slice(1, slash), grpc_method: path.slice(slash + 1) }
}

function typeOf({ requestStream, responseStream }: RpcMethod): string {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream'
  return responseStream ? 'server_stream' : 'unary'
}
