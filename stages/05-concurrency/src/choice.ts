import { didYouMean, QpsError } from '@qps/core'

/**
 * An option that is one of a few words.
 *
 * @throws QpsError QPS_USAGE with the nearest word.
 */
export function checkChoice<Choice extends string>(
  name: string,
  given: string | undefined,
  choices: readonly Choice[],
  preset: Choice,
): Choice {
  if (given === undefined) return preset
  const found = choices.find((choice) => choice === given)
  if (found !== undefined) return found
  throw new QpsError('QPS_USAGE', `--${name} must be one of ${choices.join(', ')}, not ${JSON.stringify(given)}`, {
    hint: didYouMean(given, choices),
  })
}
