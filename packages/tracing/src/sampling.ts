/** So many bits of a trace's id a number holds exactly: 13 digits. */
const digits = 13
const range = 16 ** digits

/**
 * Whether a trace belongs to this share of all. It is told by the last digits of the id, which are the random ones, so that
 * every service that asks says the same, and a larger share has all traces of a smaller one.
 *
 * Source: W3C Trace Context level 2, section 3.2.2.5.2, the random-trace-id flag.
 */
export function isInRatio(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-digits), 16) < ratio * range
}
