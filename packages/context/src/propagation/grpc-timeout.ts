/** Milliseconds of each unit of `grpc-timeout`. Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Timeout". */
const unitMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 } as const
type Unit = keyof typeof unitMs

/** The finest first: a budget is written as exactly as eight digits can. */
const units: readonly Unit[] = ['n', 'u', 'm', 'S', 'M', 'H']
const valueMax = 99_999_999

/** `grpc-timeout` in milliseconds with a fraction; undefined where it is not one to eight digits and a unit. */
export function parseGrpcTimeout(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * unitMs[text.at(-1) as Unit]
}

/**
 * A budget as `grpc-timeout`, in the finest unit that it fits, rounded down: a budget that is handed on never grows. (Where
 * a deadline must not come early, as in a client's own timeout, it is to be rounded up.)
 */
export function formatGrpcTimeout(budgetMs: number): string {
  for (const unit of units) {
    const value = Math.floor(Math.max(0, budgetMs) / unitMs[unit])
    if (value <= valueMax) return `${value}${unit}`
  }
  return `${valueMax}H`
}
