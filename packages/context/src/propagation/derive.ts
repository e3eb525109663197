import { background, type CancellableContext, type Context } from '../context.ts'
import { checkExtract, checkReserve, type ExtractOptions, type InjectOptions } from '../options.ts'
import type { TraceContext } from '../trace/trace-context.ts'

/** The context of what has come in. @param sentMs the caller's budget; undefined where none was sent. */
export function derive(
  trace: TraceContext | undefined,
  sentMs: number | undefined,
  options: ExtractOptions,
): CancellableContext {
  const { budgetMs, budgetMsMax } = checkExtract(options)
  const { clock, parent = background(clock === undefined ? {} : { clock }) } = options
  const allowedMs = sentMs === undefined ? (budgetMs ?? Infinity) : Math.min(sentMs, budgetMsMax)
  return parent.withTrace(trace).withTimeout(allowedMs)
}

/**
 * What may be handed on of a budget, in milliseconds with a fraction, at least 0; undefined where there is no deadline. For
 * libraries that send it themselves, as clients of gRPC do.
 *
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export function budgetOf(context: Context, options: InjectOptions = {}): number | undefined {
  const reserveMs = checkReserve(options)
  const remainingMs = context.remainingMs()
  return remainingMs === Infinity ? undefined : Math.max(0, remainingMs - reserveMs)
}

/** A budget as text: whole milliseconds, rounded down. */
export function formatBudget(budgetMs: number | undefined): string | undefined {
  return budgetMs === undefined ? undefined : String(Math.floor(budgetMs))
}

/** Whole milliseconds, one to fifteen digits and nothing else; undefined for anything else, and for several lines. */
export function parseBudget(value: string | readonly string[] | undefined): number | undefined {
  const text = typeof value === 'string' ? value : value?.length === 1 ? value[0]! : ''
  return /^[ \t]{0,8}[0-9]{1,15}[ \t]{0,8}$/.test(text) ? Number(text) : undefined
}
