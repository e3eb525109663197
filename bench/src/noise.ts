import { summarize } from '@qps/stats'

/**
 * The noise floor from an A/A run: how much two arms differ that are the same program, as a ratio (0.02 is 2 %).
 *
 * The larger of two figures: the relative difference of the medians, and the median of the differences within a round.
 * The first alone can be small by luck; the second cannot be, and is the more cautious of the two.
 *
 * @param first the measure in each round, undefined where the round was unsound. @param second the same of the twin.
 * @returns undefined where no round is sound in both: then nothing can be told from noise.
 */
export function noiseFloor(first: RoundValues, second: RoundValues): number | undefined {
  const pairs = first.flatMap((value, index) => {
    const twin = second[index]
    return value === undefined || twin === undefined ? [] : [{ value, twin }]
  })
  if (pairs.length === 0) return undefined
  const ofMedians = relativeDifference(
    summarize(pairs.map(({ value }) => value)).median,
    summarize(pairs.map(({ twin }) => twin)).median,
  )
  const withinRounds = summarize(pairs.map(({ value, twin }) => relativeDifference(value, twin))).median
  return Math.max(ofMedians, withinRounds)
}

/** One measure, round by round. */
export type RoundValues = readonly (number | undefined)[]

/** How far apart two figures are, relative to their mean; 0 where both are 0. */
export function relativeDifference(left: number, right: number): number {
  const mean = (left + right) / 2
  return mean === 0 ? 0 : Math.abs(left - right) / mean
}
