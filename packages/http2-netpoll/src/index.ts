// Limits
export { type EngineLimits, engineLimits } from './limits.ts'

// Serving
export {
  type RequestObserver,
  type RunningHttp2Netpoll,
  serveHttp2Netpoll,
  type ServeHttp2NetpollOptions,
  serveStreams,
} from './serve.ts'
export { type EngineRefusal, type Http2NetpollOptions, Http2NetpollServer, type StreamHandler } from './server.ts'
export type { Http2Stream } from './stream.ts'
export type { StreamListener } from './stream-listener.ts'
export type { RequestHead } from './request-head.ts'
export { surfaceHandler } from './surface.ts'
