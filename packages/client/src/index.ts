// A pool of connections of any kind
export { ConnectionPool, type PoolStats } from './pool/connection-pool.ts'
export type { Lease } from './pool/lease.ts'
export { type ConnectionPoolOptions, poolDefaults } from './pool/options.ts'
export type { WaitOptions } from './pool/waiters.ts'

// HTTP over undici
export { type ClientRequest, createClient, type PooledClient } from './client/create-client.ts'
export { clientDefaults, type ClientOptions, type Endpoint } from './client/options.ts'
export type { ClientStats } from './client/tally.ts'

// Retries
export { RetryBudget } from './retry/budget.ts'
export { parseRetryAfter, retryAfterMsMax } from './retry/retry-after.ts'

// Dispatchers that can be exchanged
export * from './dispatch/index.ts'
