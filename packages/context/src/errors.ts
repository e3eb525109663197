import { messageOf, QpsError } from '@qps/core'

/** What to do about each failure. */
const hints = {
  QPS_DEADLINE: 'answer that it took too long, and let the caller decide whether a longer budget is worth it',
  QPS_CANCELLED: 'stop the work: nobody waits for its result',
  QPS_TRACE_STATE:
    'keys are a-z, 0-9, _ - * / and @, and begin with a letter or a digit; values are printable ASCII without , and =',
} as const

function failure(code: keyof typeof hints, message: string, cause?: unknown): QpsError {
  return new QpsError(code, message, { hint: hints[code], ...(cause !== undefined && { cause }) })
}

/** The budget is used up. @param budgetMs what it was; undefined where the deadline was given as an instant. */
export function deadlineError(budgetMs: number | undefined): QpsError {
  const what =
    budgetMs === undefined ? 'the deadline has passed' : `the budget of ${Math.max(0, budgetMs)} ms is used up`
  return failure('QPS_DEADLINE', what)
}

/** Somebody cancelled. A QpsError is the reason itself, everything else is its cause. */
export function cancelledError(cause?: unknown): QpsError {
  if (cause instanceof QpsError) return cause
  if (cause === undefined) return failure('QPS_CANCELLED', 'the context was cancelled')
  return failure('QPS_CANCELLED', `the context was cancelled: ${messageOf(cause)}`, cause)
}

let over: QpsError | undefined

/** The owner is done with it. One for all: a request that ends well is to cost no trace of the stack. */
export function overError(): QpsError {
  return (over ??= Object.freeze(failure('QPS_CANCELLED', 'the context is over: its owner has disposed of it')))
}

/** A member that tracestate cannot have. */
export function traceStateError(what: string): QpsError {
  return failure('QPS_TRACE_STATE', what)
}
