// What it shares with the other HTTP servers: limits, errors, the surface, checks of untrusted input
export {
  addressKey,
  type DrainReport,
  errorBody,
  type HttpLimits,
  httpLimits,
  type HttpProblem,
  isLoopback,
  isValidHost,
  plaintext,
  problems,
  type RefusalReason,
  refusals,
  routePath,
  type RunningServer,
  statusBody,
  surface,
  type SurfaceAnswer,
  type SurfaceRoute,
} from '@qps/http-contract'

// The surface on node:http
export { answerSurface, echoType, surfaceAround } from './surface.ts'
export { readBody, sliced } from './body.ts'

// Serving
export { type ListenAt, listen } from './listen.ts'
export { drainStock, runStock } from './stock.ts'
export { createSurfaceApp, type RefuseBody, type SurfaceAppOptions } from './surface-app.ts'
export { createHardenedServer, type HardenedOptions, type HardenedServer } from './hardened.ts'
export type { RequestInfo, RequestObserver } from './guarded-server.ts'
export { Guard, type GuardOptions } from './guard.ts'
export { Connection, type Verdict, type WatchedSocket } from './connection.ts'

// The admin port
export type { AdminPage, AdminRoute } from '@qps/http-contract'
export { type Admin, type AdminOptions, startAdmin } from './admin.ts'
