// Deadlines, cancellation and values, from function to function.
export {
  background,
  type BackgroundOptions,
  type CancellableContext,
  type Context,
  type ContextKey,
  contextKey,
} from './context.ts'
// … or found by whoever was not given one.
export { currentContext, runIn } from './implicit.ts'
// The place in a trace, and its three forms.
export {
  childTrace,
  isSampled,
  type StartOptions,
  startTrace,
  type TraceContext,
  traceFlags,
} from './trace/trace-context.ts'
export { TraceState } from './trace/trace-state.ts'
export { formatTraceparent, parseTraceparent } from './trace/traceparent.ts'
export { parseTracestate } from './trace/parse-tracestate.ts'
export { formatTraceBytes, parseTraceBytes } from './trace/binary.ts'
// Over a hop: HTTP, gRPC, messages.
export { extractHttp, httpFields, injectHttp } from './propagation/http.ts'
export { budgetOf } from './propagation/derive.ts'
export type { FieldSource, FieldTarget } from './propagation/fields.ts'
export { extractGrpc, grpcKeys, injectGrpc, type MetadataSource, type MetadataTarget } from './propagation/grpc.ts'
export {
  extractMessage,
  type ExtractMessageOptions,
  injectMessage,
  messageFields,
  type MessageSource,
} from './propagation/message.ts'
// Bounds and defaults.
export { budgetDefaults, type ExtractOptions, type InjectOptions, traceLimits } from './options.ts'
