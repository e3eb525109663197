import { statusLabels, workloadDefinition } from '@qps/grpc'
import { type MetricsRegistry, type RpcMetrics, rpcMetrics } from '@qps/metrics'

/** The calls of the workload in `/metrics`: the same for every server that it runs on. */
export function callMetrics(registry: MetricsRegistry): RpcMetrics {
  return rpcMetrics(registry, { methods: Object.values(workloadDefinition), statuses: statusLabels })
}
