import { summarize } from '@qps/stats'
import { type Measure, measures } from './measures.ts'
import type { RoundValues } from './noise.ts'
import type { Spread } from './results.ts'

export type Change = 'better' | 'worse' | 'no-difference' | 'invalid'

/** One variant, before and after. */
export interface Comparison {
  variant: string
  before: Spread | null
  after: Spread | null
  /** after / before within each round, summarized; 1 is no change. */
  ratio: Spread | null
  change: Change
}

/**
 * Judges pairs of rounds: what a drifting machine does to both arms of a pair cancels out in their ratio.
 *
 * @param before the measure in each round; undefined where unsound. @param after the same, of the new code.
 * @param floor noise floor as a ratio; without one nothing is judged.
 */
export function compareRounds(
  variant: string,
  measure: Measure,
  before: RoundValues,
  after: RoundValues,
  floor: number | undefined,
): Comparison {
  const pairs = before.flatMap((old, index) => {
    const fresh = after[index]
    return old === undefined || fresh === undefined || !(old > 0) ? [] : [{ old, fresh }]
  })
  if (pairs.length === 0 || floor === undefined) {
    return { variant, before: null, after: null, ratio: null, change: 'invalid' }
  }
  const ratio = summarize(pairs.map(({ old, fresh }) => fresh / old))
  return {
    variant,
    before: summarize(pairs.map(({ old }) => old)),
    after: summarize(pairs.map(({ fresh }) => fresh)),
    ratio,
    change: judgeRatio(ratio.median, measure, floor),
  }
}

function judgeRatio(ratio: number, measure: Measure, floor: number): Change {
  if (Math.abs(ratio - 1) <= floor) return 'no-difference'
  return (ratio < 1 ? 'lower' : 'higher') === measures[measure].better ? 'better' : 'worse'
}
