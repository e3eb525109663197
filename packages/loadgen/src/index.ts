// Load from worker threads of this process, or from a process of its own.
export { runLoad } from './run.ts'
export { runLoadProcess } from './run-process.ts'
// What to do, and what came of it.
export { loadDefaults, loadLimits, type LoadOptions, type LoadProgress } from './options.ts'
export { type LoadResult } from './result.ts'
export { type ErrorCounts, type ErrorKind, errorKinds } from './recorder.ts'
// What a faster transport implements.
export {
  type Transport,
  type TransportConnection,
  type TransportHandler,
  type TransportModule,
  type TransportTarget,
} from './transport.ts'
