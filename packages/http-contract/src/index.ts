// Limits and errors
export { type HttpLimits, httpLimits } from './limits.ts'
export { errorBody, type HttpProblem, problems, type RefusalReason, refusals } from './errors.ts'
export { type RefusalBytes, refusalBytes } from './refuse.ts'
export { statusText } from './status.ts'

// The surface that every variant answers
export {
  echoTypeOf,
  plaintext,
  routePath,
  statusBody,
  surface,
  surfaceAnswer,
  type SurfaceAnswer,
  type SurfaceRefusal,
  type SurfaceRoute,
} from './surface.ts'
export { methods } from './methods.ts'

// A server that runs
export type { AdminPage, AdminRoute, ConnectionSource, DrainReport, RunningServer } from './running.ts'

// What was answered
export { type HandshakeDone, handshakeDoneChannel, type RequestDone, requestDoneChannel } from './request-done.ts'

// Listening
export { listenError } from './listen-error.ts'
export { reachableHost } from './reachable.ts'

// Checks of untrusted input
export { addressKey, isLoopback } from './address.ts'
export { isValidHost } from './host.ts'
