import type { CancellableContext, Context } from '../context.ts'
import type { ExtractOptions, InjectOptions } from '../options.ts'
import { formatTraceBytes, parseTraceBytes } from '../trace/binary.ts'
import { parseTracestate } from '../trace/parse-tracestate.ts'
import type { TraceContext } from '../trace/trace-context.ts'
import { formatTraceparent, parseTraceparent } from '../trace/traceparent.ts'
import { budgetOf, derive } from './derive.ts'
import { formatGrpcTimeout, parseGrpcTimeout } from './grpc-timeout.ts'

/** Names of the metadata. */
export const grpcKeys = {
  /** The binary form, which knows no state. */
  traceBytes: 'grpc-trace-bin',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  timeout: 'grpc-timeout',
} as const

type Value = string | Uint8Array
type Headers = Record<string, string | string[] | undefined>

/** Metadata to read: an object with a `get`, as that of grpc-js, or headers of HTTP/2, where bytes are base64. */
export type MetadataSource = { get(key: string): readonly Value[] } | Readonly<Headers>

/** Metadata to write. */
export type MetadataTarget =
  { set(key: string, value: string | Buffer): unknown; remove(key: string): unknown } | Headers

/** Base64 with or without padding, of at most 128 bytes. Source: doc/PROTOCOL-HTTP2.md, "Binary-Header". */
const base64 = /^[A-Za-z0-9+/]{2,171}={0,2}$/

/**
 * The context of a call. A traceparent goes before `grpc-trace-bin`: it is the one that has a state.
 *
 * @param metadata what the client sent. Servers take `grpc-timeout` out of what they show: a handler there gives as `budgetMs`
 *   what is left of its call's deadline.
 * @returns as of {@link extractHttp}.
 * @throws QpsError QPS_OPTION for an option out of its range.
 * Source: gRPC proposal A72; doc/PROTOCOL-HTTP2.md.
 */
export function extractGrpc(metadata: MetadataSource, options: ExtractOptions = {}): CancellableContext {
  return derive(traceOf(metadata), parseGrpcTimeout(only(textsOf(metadata, grpcKeys.timeout))), options)
}

function traceOf(metadata: MetadataSource): TraceContext | undefined {
  const trace = parseTraceparent(textsOf(metadata, grpcKeys.traceparent))
  if (trace !== undefined) return { ...trace, state: parseTracestate(textsOf(metadata, grpcKeys.tracestate)) }
  const value = only(valuesOf(metadata, grpcKeys.traceBytes))
  if (value === undefined) return undefined
  if (typeof value !== 'string') return parseTraceBytes(value)
  return base64.test(value) ? parseTraceBytes(Buffer.from(value, 'base64')) : undefined
}

/**
 * Writes a context into a call's metadata: the trace in both forms, so that servers of either age find theirs, and the budget
 * as `grpc-timeout`, which servers of gRPC keep to by themselves. A client library writes that one itself, from the timeout of
 * the call: give it `timeoutMs: budgetOf(context)`.
 *
 * @returns `metadata`.
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export function injectGrpc<Metadata extends MetadataTarget>(
  context: Context,
  metadata: Metadata,
  options: InjectOptions = {},
): Metadata {
  const { trace } = context
  const budgetMs = budgetOf(context, options)
  write(metadata, grpcKeys.traceBytes, trace && Buffer.from(formatTraceBytes(trace).buffer))
  write(metadata, grpcKeys.traceparent, trace && formatTraceparent(trace))
  write(metadata, grpcKeys.tracestate, trace?.state.serialize() || undefined)
  write(metadata, grpcKeys.timeout, budgetMs === undefined ? undefined : formatGrpcTimeout(budgetMs))
  return metadata
}

function valuesOf(metadata: MetadataSource, key: string): readonly Value[] {
  if (typeof metadata.get === 'function') return metadata.get(key)
  const value = (metadata as Readonly<Headers>)[key]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

function textsOf(metadata: MetadataSource, key: string): readonly string[] {
  return valuesOf(metadata, key).filter((value) => typeof value === 'string')
}

/** Of a key that may stand there once. */
function only<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined
}

function write(metadata: MetadataTarget, key: string, value: string | Buffer | undefined): void {
  if (typeof metadata.set === 'function' && typeof metadata.remove === 'function') {
    if (value === undefined) metadata.remove(key)
    else metadata.set(key, value)
    return
  }
  const headers = metadata as Headers
  if (value !== undefined) headers[key] = typeof value === 'string' ? value : base64Of(value)
  else if (headers[key] !== undefined) delete headers[key]
}

/** Without padding: the protocol prefers it so. */
function base64Of(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
