// A pool of connections of any kind
export { ConnectionPool, type PoolStats } from './pool/connection-pool.ts'
export { Lease } from './pool/lease.ts'
export { type ConnectionPoolOptions, poolDefaults } from './pool/options.ts'
export type { WaitOptions } from './pool/waiters.ts'
