import { checkNumber, type Clock } from '@qps/core'
import type { Context } from './context.ts'

/** Bounds of what is read from others and sent to them. Lengths are in characters. */
export const traceLimits = {
  /** A traceparent, of whatever version. That of version 00 has 55. */
  traceparentLengthMax: 512,
  /** All lines of a tracestate together, as received: 32 members of the longest kind, twice. A longer one is dropped. */
  stateInputLengthMax: 32_768,
  /** Members of a tracestate. Source: W3C Trace Context level 2, section 3.3.1.2. */
  stateMembersMax: 32,
  /** Key, and value, of a member. Source: the same, sections 3.3.1.3.1 and 3.3.1.3.2. */
  stateKeyLengthMax: 256,
  stateValueLengthMax: 256,
  /**
   * A tracestate as sent. The recommendation asks for 512 at least; this is a quarter of the header section that servers here
   * accept. What does not fit is left out as it says: members of more than 128 first, then from the end.
   */
  stateLengthMax: 4096,
  /** The binary form of gRPC, decoded. That of version 0 has 29. */
  traceBytesMax: 128,
} as const

/** What applies where an option of an extract or inject is left out. */
export const budgetDefaults = {
  /** Budgets that callers ask for are cut to this: an hour. */
  budgetMsMax: 3_600_000,
  /** What is kept back of a budget that is handed on: the way takes time, and every hop is to see less than the one before. */
  reserveMs: 1,
} as const

export interface ExtractOptions {
  /** What the new context is a child of, such as one that ends with the server. Default the background on `clock`. */
  parent?: Context
  /** Default the system's; that of `parent` where there is one. */
  clock?: Clock
  /** The budget of callers that send none, in milliseconds, at least 0. Default none. */
  budgetMs?: number
  /** What a caller can ask for at most, in milliseconds, at least 0. Default an hour. */
  budgetMsMax?: number
}

export interface InjectOptions {
  /** What is kept back of the budget, in milliseconds, at least 0. Default 1. */
  reserveMs?: number
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function checkExtract(options: ExtractOptions): { budgetMs: number | undefined; budgetMsMax: number } {
  const { budgetMs, budgetMsMax = budgetDefaults.budgetMsMax } = options
  if (budgetMs !== undefined) checkNumber('budgetMs', budgetMs, { min: 0 })
  return { budgetMs, budgetMsMax: checkNumber('budgetMsMax', budgetMsMax, { min: 0 }) }
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function checkReserve({ reserveMs = budgetDefaults.reserveMs }: InjectOptions): number {
  return checkNumber('reserveMs', reserveMs, { min: 0 })
}
