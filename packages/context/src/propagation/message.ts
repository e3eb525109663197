import { checkNumber } from '@qps/core'
import type { CancellableContext, Context } from '../context.ts'
import { type ExtractOptions, type InjectOptions, traceLimits } from '../options.ts'
import { budgetOf, derive, formatBudget, parseBudget } from './derive.ts'
import { type FieldTarget, writeField } from './fields.ts'
import { readTrace, writeTrace } from './http.ts'

/** Names of a message's headers, in this case exactly. */
export const messageFields = {
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  budget: 'deadline-budget-ms',
} as const

/** Headers of a message: a record or a Map of text, or of bytes as brokers have them. */
export type MessageSource =
  Readonly<Record<string, string | Uint8Array | undefined>> | { get(name: string): string | Uint8Array | undefined }

export interface ExtractMessageOptions extends ExtractOptions {
  /**
   * How long the message lay in the queue, where whoever runs the queue can tell by one clock, in milliseconds, at least 0: it is
   * taken off the budget. Default 0.
   */
  waitedMs?: number
}

/**
 * The context of a message. Its budget counts from now, less the time that it is known to have waited.
 *
 * @returns as of {@link extractHttp}. A consumer that handles many messages at once starts a trace of its own and links them.
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export function extractMessage(headers: MessageSource, options: ExtractMessageOptions = {}): CancellableContext {
  const waitedMs = checkNumber('waitedMs', options.waitedMs ?? 0, { min: 0 })
  const fields = { get: (name: string): string | undefined => textOf(read(headers, name)) }
  const sentMs = parseBudget(fields.get(messageFields.budget))
  return derive(readTrace(fields), sentMs === undefined ? undefined : Math.max(0, sentMs - waitedMs), options)
}

/**
 * Writes a context into the headers of a message, as text.
 *
 * @returns `headers`.
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export function injectMessage<Fields extends FieldTarget>(
  context: Context,
  headers: Fields,
  options: InjectOptions = {},
): Fields {
  writeTrace(context, headers)
  writeField(headers, messageFields.budget, formatBudget(budgetOf(context, options)))
  return headers
}

function read(headers: MessageSource, name: string): string | Uint8Array | undefined {
  if (typeof headers.get === 'function') return headers.get(name)
  return (headers as Readonly<Record<string, string | Uint8Array | undefined>>)[name]
}

/** Latin-1: what is allowed in these headers is ASCII, and every other byte stays one character that is not. */
function textOf(value: string | Uint8Array | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  if (value.length > traceLimits.stateInputLengthMax) return undefined
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
}
