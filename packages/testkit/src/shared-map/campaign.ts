import type { Linearizability } from '../linearizability/index.ts'
import { MapCrew } from './crew.ts'
import { type HistoryPlan, type HistoryRun, runHistory } from './histories.ts'

/** Many runs, each with a seed of its own. */
export interface CampaignPlan extends HistoryPlan {
  runs: number
}

/** What came of many runs. */
export interface CampaignResult {
  runs: number
  operations: number
  pending: number
  killed: number
  locksFreed: number
  /** Runs that were too hard to judge. */
  unknown: number
  errors: Record<string, number>
  /** The first run that is wrong: its seed, and why. The campaign ends with it. */
  fault?: { seed: number; why: string }
}

/**
 * Runs histories with the seeds `plan.seed`, `plan.seed + 1` and so on, until one is wrong.
 *
 * @param onRun called after each run.
 * @example
 * const { fault } = await historyCampaign({ kind: 'optimistic', runs: 200, seed: 1, kills: 1 })
 */
export async function historyCampaign(
  { runs, ...plan }: CampaignPlan,
  onRun: (run: HistoryRun, seed: number) => void = () => {},
): Promise<CampaignResult> {
  await using crew = new MapCrew()
  const result: CampaignResult = {
    runs: 0,
    operations: 0,
    pending: 0,
    killed: 0,
    locksFreed: 0,
    unknown: 0,
    errors: {},
  }
  for (let seed = plan.seed; seed < plan.seed + runs; seed++) {
    const run = await runHistory(crew, { ...plan, seed })
    onRun(run, seed)
    result.runs++
    result.operations += run.history.length
    result.pending += run.history.filter(({ returnedAt }) => returnedAt === Infinity).length
    result.killed += run.killed
    result.locksFreed += run.locksFreed
    if (run.judged.verdict === 'unknown') result.unknown++
    for (const [code, count] of Object.entries(run.errors)) result.errors[code] = (result.errors[code] ?? 0) + count
    const why = whyWrong(run.judged) ?? (run.remains.length > 0 ? run.remains.join('; ') : undefined)
    if (why !== undefined) return { ...result, fault: { seed, why } }
  }
  return result
}

function whyWrong(judged: Linearizability): string | undefined {
  return judged.verdict === 'not-linearizable' ? judged.text : undefined
}
