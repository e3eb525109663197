// Objects: made once, lent again and again.
export { ObjectPool, type ObjectPoolStats } from './object-pool.ts'
// Buffers: size classes, carved out of slabs.
export { BufferPool, type BufferPoolStats } from './buffer-pool.ts'
export { sizeClasses } from './buffers/size-classes.ts'
// What a holder has.
export type { BufferLease, Lease } from './lease.ts'
// Options, their defaults, and what a pool reports.
export {
  bufferPoolDefaults,
  type BufferPoolOptions,
  type ObjectPoolOptions,
  poolDefaults,
  type PoolMode,
  type PoolOptions,
  type TrimOptions,
  type WhenExhausted,
} from './options.ts'
export type { WaitOptions } from './waiters.ts'
export type { Leak, LeakOptions } from './development/watch.ts'
