export {
  type RequestMetrics,
  requestMetrics,
  type RequestMetricsOptions,
  type RequestTally,
} from './request-metrics.ts'
export { type RpcMethod, type RpcMetrics, rpcMetrics, type RpcMetricsOptions, type RpcTally } from './rpc-metrics.ts'
export { latencyBoundsS } from './latency-buckets.ts'
export { type HandshakeFigures, handshakeMetrics } from './handshake-metrics.ts'
export { type PoolFigures, poolMetrics, type WatchedPool } from './pool-metrics.ts'
export { type DurationsUs, type WorkerPoolFigures, workerPoolMetrics } from './worker-pool-metrics.ts'
export { processMetrics } from './process-metrics.ts'
export { createRegistry, type Exposition, exposition, type MetricsRegistry } from './registry.ts'
export type { CollectionKind } from './collections.ts'
export { pauseBoundsS, type RuntimeMetrics, runtimeMetrics } from './runtime-metrics.ts'
export { type RuntimeTaker, type RuntimeTally, runtimeTally } from './runtime-tally.ts'
