import type { IdlePhase, Inputs, Phase, Scenario, Variant } from './scenario.ts'

/** A scenario under one input: what is started and what it gets. */
export interface Point {
  /** Empty where the scenario is no sweep. */
  inputs: Inputs
  variants: readonly Variant[]
  phases: readonly Phase[]
  idle: IdlePhase | undefined
}

/** The points of a scenario, the headline first, the others in their order. */
export function pointsOf({
  phases,
  idle,
  variants,
  sweep = [{ inputs: {} }],
}: Pick<Scenario, 'phases' | 'idle' | 'variants' | 'sweep'>): [Point, ...Point[]] {
  const headline = sweep.find((point) => point.headline) ?? sweep[0]
  if (headline === undefined) throw new Error('a sweep has at least one point')
  const point = (at: (typeof sweep)[number]): Point => ({
    inputs: at.inputs,
    variants: variants.map(({ name, command }) => ({ name, command: [...command, ...(at.args ?? [])] })),
    phases: at.phases ?? phases,
    idle,
  })
  return [point(headline), ...sweep.filter((other) => other !== headline).map(point)]
}

/** Inputs in words, the same whatever the order of their keys: `reads 0.9, threads 2`. */
export function inputsText(inputs: Inputs): string {
  return Object.entries(inputs)
    .toSorted(([left], [right]) => left.localeCompare(right))
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
