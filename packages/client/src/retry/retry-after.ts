/** Who asks for longer than this is not waited for. */
export const retryAfterMsMax = 60_000

const seconds = /^\d{1,10}$/
const imfFixdate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * What a `Retry-After` field asks for, in milliseconds from now: whole seconds, or a date in the form that senders must
 * generate. Anything else (a sign, a fraction, several values, another date format) is nonsense and gives undefined, as
 * does no field. A date in the past gives 0.
 *
 * @param value the field as received. @param wallMs Unix milliseconds now: a date can only be compared with the wall clock.
 * Source: RFC 9110, sections 10.2.3 and 5.6.7.
 */
export function parseRetryAfter(value: string | string[] | undefined, wallMs: number): number | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (seconds.test(text)) return Number(text) * 1000
  if (!imfFixdate.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs)
}
