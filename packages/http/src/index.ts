// Limits and errors
export { type HttpLimits, httpLimits } from './limits.ts'
export { errorBody, type HttpProblem, problems, type RefusalReason, refusals } from './errors.ts'

// The surface that every variant answers
export {
  answerSurface,
  echoType,
  plaintext,
  routePath,
  statusBody,
  surface,
  surfaceAround,
  type SurfaceAnswer,
  type SurfaceRoute,
} from './surface.ts'
export { readBody, sliced } from './body.ts'

// Serving
export { type ListenAt, listen } from './listen.ts'
export type { DrainReport, RunningServer } from './running.ts'
export { drainStock, runStock } from './stock.ts'
export { createHardenedServer, type HardenedOptions, type HardenedServer } from './hardened.ts'
export type { RequestInfo, RequestObserver } from './guarded-server.ts'
export { Guard, type GuardOptions } from './guard.ts'
export { Connection, type Verdict, type WatchedSocket } from './connection.ts'

// The admin port
export { type Admin, type AdminOptions, type AdminPage, startAdmin } from './admin.ts'

// Checks of untrusted input
export { addressKey, isLoopback } from './address.ts'
export { isValidHost } from './host.ts'
