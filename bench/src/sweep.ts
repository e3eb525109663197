import type { IdlePhase, Inputs, Phase, ProgramPlan, Scenario, Variant } from './scenario.ts'

/** A scenario under one input: what is started and what it gets. */
export interface Point {
  /** Empty where the scenario is no sweep. */
  inputs: Inputs
  variants: readonly Variant[]
  /** None where the arms are programs. */
  phases: readonly Phase[]
  idle: IdlePhase | undefined
  /** Undefined where the arms are servers. */
  program: ProgramPlan | undefined
}

/** The points of a scenario, the headline first, the others in their order. */
export function pointsOf(scenario: Scenario): [Point, ...Point[]] {
  const { variants, sweep = [{ inputs: {} }], program } = scenario
  const { phases, idle } = scenario.program === undefined ? scenario : { phases: [], idle: undefined }
  const headline = sweep.find((point) => point.headline) ?? sweep[0]
  if (headline === undefined) throw new Error('a sweep has at least one point')
  const point = (at: (typeof sweep)[number]): Point => ({
    inputs: at.inputs,
    variants: variants.map((variant) => ({ ...variant, command: [...variant.command, ...(at.args ?? [])] })),
    phases: at.phases ?? phases,
    idle,
    program: program && { ...program, settings: { ...program.settings, ...at.inputs } },
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
