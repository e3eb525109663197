import type { CancellableContext, Context } from '../context.ts'
import type { ExtractOptions, InjectOptions } from '../options.ts'
import { parseTracestate } from '../trace/parse-tracestate.ts'
import type { TraceContext } from '../trace/trace-context.ts'
import { formatTraceparent, parseTraceparent } from '../trace/traceparent.ts'
import { budgetOf, derive, formatBudget, parseBudget } from './derive.ts'
import { type FieldSource, type FieldTarget, readField, writeField } from './fields.ts'

/** Names of the fields. No standard has one for the budget; ours is in whole milliseconds. */
export const httpFields = {
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  budget: 'x-request-timeout-ms',
} as const

/**
 * The context of a request that has come in over HTTP: where its caller is in a trace, and what is left of the caller's
 * budget, counted from now on the clock here. Never throws because of what was sent; what is not valid was not sent.
 *
 * @param fields the request's; a server that joins the lines of a field by commas may have done so.
 * @returns the caller's place as `trace`; undefined where it sent none that is valid. Whoever takes part in the trace goes on with
 *   `context.withTrace(childTrace(context.trace, random))`, whoever only forwards uses it as it is. To be disposed of.
 * @throws QpsError QPS_OPTION for an option out of its range.
 * @example using context = extractHttp(request.rawHeaders, { budgetMs: 1000 })
 * Source: W3C Trace Context level 2, section 4.
 */
export function extractHttp(fields: FieldSource, options: ExtractOptions = {}): CancellableContext {
  return derive(readTrace(fields), parseBudget(readField(fields, httpFields.budget)), options)
}

/**
 * Writes a context into the fields of a request that goes out: its trace as it is, and its budget less what is kept back.
 * Afterwards the three fields say what the context says, and nothing that stood there before.
 *
 * @returns `fields`.
 * @throws QpsError QPS_OPTION for an option out of its range.
 * @example await fetch(url, { headers: injectHttp(call, {}), signal: call.signal })
 */
export function injectHttp<Fields extends FieldTarget>(
  context: Context,
  fields: Fields,
  options: InjectOptions = {},
): Fields {
  writeTrace(context, fields)
  writeField(fields, httpFields.budget, formatBudget(budgetOf(context, options)))
  return fields
}

/** Traceparent and tracestate of fields of any kind. */
export function readTrace(fields: FieldSource): TraceContext | undefined {
  const trace = parseTraceparent(readField(fields, httpFields.traceparent))
  if (trace === undefined) return undefined
  const lines = readField(fields, httpFields.tracestate)
  return lines === undefined ? trace : { ...trace, state: parseTracestate(lines) }
}

/** Traceparent and tracestate into fields of any kind. */
export function writeTrace({ trace }: Context, fields: FieldTarget): void {
  writeField(fields, httpFields.traceparent, trace && formatTraceparent(trace))
  writeField(fields, httpFields.tracestate, trace?.state.serialize() || undefined)
}
