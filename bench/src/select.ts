import { didYouMean, nearest, QpsError } from '@qps/core'
import type { Scenario } from './scenario.ts'

/**
 * The scenarios that were asked for, each once, in the order given. A chapter's number alone names all of its scenarios.
 *
 * @throws QpsError QPS_UNKNOWN_SCENARIO with the nearest name.
 */
export function selectScenarios(names: readonly string[], all: readonly Scenario[]): Scenario[] {
  const selected = names.flatMap((name) => {
    const found = all.filter(
      (scenario) => scenario.name === name || (scenario.name.startsWith(`${name}-`) && /^\d\d$/.test(name)),
    )
    if (found.length === 0) throw unknown(name, all)
    return found
  })
  return [...new Set(selected)]
}

function unknown(name: string, all: readonly Scenario[]): QpsError {
  const known = all.map((scenario) => scenario.name)
  const bySlug = nearest(
    name,
    known.map((full) => full.slice(3)),
  )
  const near = bySlug === undefined ? undefined : known.find((full) => full.endsWith(bySlug))
  return new QpsError('QPS_UNKNOWN_SCENARIO', `there is no scenario ${JSON.stringify(name)}`, {
    hint: near === undefined ? didYouMean(name, known) : `did you mean ${JSON.stringify(near)}?`,
  })
}
