// Limits
export { type Http2Limits, http2Limits, serverOptions } from './limits.ts'

// Watching over sessions
export { type Http2Refusal, SessionGuard, type SessionGuardOptions } from './session-guard.ts'
export type { SessionFault } from './session-record.ts'
export { LeakyBucket } from './leaky-bucket.ts'
export { ResetBudget } from './reset-budget.ts'
export { Transports } from './transports.ts'

// Serving
export {
  createHttp2,
  type Http2Handler,
  type Http2Options,
  type Http2Service,
  type RunningHttp2,
  serveHttp2,
  type ServeHttp2Options,
} from './serve.ts'
export { surfaceHandler } from './surface.ts'
