/** Milliseconds of each unit of `grpc-timeout`. Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Timeout". */
const unitMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 } as const
type Unit = keyof typeof unitMs

/** Digits that the header may have. */
const valueMax = 99_999_999

/** What Node's timers can wait, about 24.8 days: a longer timeout is none. */
export const timerMsMax: number = 2 ** 31 - 1

/**
 * `grpc-timeout` as milliseconds with a fraction: one to eight digits and a unit, nothing else.
 *
 * @returns undefined where the text is not exactly that.
 */
export function parseTimeout(text: string): number | undefined {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * unitMs[text.at(-1) as Unit]
}

/** A duration as `grpc-timeout`, in the finest unit that it fits, rounded up so that no deadline comes early. */
export function formatTimeout(timeoutMs: number): string {
  if (timeoutMs <= 0) return '0n'
  for (const unit of ['n', 'u', 'm', 'S', 'M'] as const) {
    const value = Math.ceil(timeoutMs / unitMs[unit])
    if (value <= valueMax) return `${value}${unit}`
  }
  return `${Math.min(valueMax, Math.ceil(timeoutMs / unitMs.H))}H`
}
