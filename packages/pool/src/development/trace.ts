/** Any function: where a trace begins is its caller. */
export type Frame = (...values: never[]) => unknown

/**
 * The calls that led here, from the caller of `above` on, one line each.
 *
 * The text is made at once. V8 would make it only when it is read, but until then it keeps the receiver of each call alive,
 * and an object that keeps a forgotten lease in a field would never be seen to be gone.
 */
export function traceAbove(above: Frame): string {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, above)
  const [, ...calls] = (holder.stack ?? '').split('\n')
  return calls.map((call) => call.trim().replace(/^at /, '')).join('\n')
}

/** The first call of a trace: function, file, line. */
export function placeOf(trace: string): string {
  const end = trace.indexOf('\n')
  const first = end < 0 ? trace : trace.slice(0, end)
  return first === '' ? 'an unknown place' : first
}
