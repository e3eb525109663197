import type { Finding } from './gates.ts'
import type { Measure } from './measures.ts'
import type { Expectation } from './scenario.ts'

export type Verdict = 'held' | 'not-held' | 'no-difference' | 'invalid'

/** What the verdict is made from: medians, and why some of them are void. */
export interface Evidence {
  /** The median of one variant's measure; undefined where it was not measured. */
  median: (variant: string, measure: Measure) => number | undefined
  /** Why that median must not be compared; empty where it may be. */
  voidedBy: (variant: string, measure: Measure) => readonly Finding[]
  /** The A/A noise floor of a measure; undefined where there is none. */
  noiseFloor: (measure: Measure) => number | undefined
}

export interface Judgement {
  verdict: Verdict
  reason: string
}

/**
 * The verdict on a scenario: `invalid` where any expectation rests on a void figure, else `not-held` where any fails, else
 * `no-difference` where any hides in the noise, else `held`.
 */
export function judge(
  expectations: readonly Expectation[],
  evidence: Evidence,
): { verdict: Verdict; reasons: string[] } {
  const judgements = expectations.map((expectation) => judgeOne(expectation, evidence))
  const order: Verdict[] = ['invalid', 'not-held', 'no-difference']
  const verdict = order.find((candidate) => judgements.some((judgement) => judgement.verdict === candidate)) ?? 'held'
  return { verdict, reasons: judgements.map(({ reason }) => reason) }
}

/** Holds one expectation against the evidence. */
export function judgeOne(expectation: Expectation, evidence: Evidence): Judgement {
  const { claim, says, measure, variant } = expectation
  const give = (verdict: Verdict, why: string): Judgement => ({
    verdict,
    reason: `${claim} ${verdict}: ${says} (${measure} of ${why})`,
  })
  const value = evidence.median(variant, measure)
  if (value === undefined) return give('invalid', `${variant} was not measured`)
  const findings = evidence.voidedBy(variant, measure)
  if (findings.length > 0 && !boundStillStands(expectation, value, findings)) {
    return give('invalid', `${variant} is void: ${findings[0]!.message}`)
  }
  if ('atLeast' in expectation) {
    const { atLeast } = expectation
    return give(value >= atLeast ? 'held' : 'not-held', `${variant} is ${figure(value)}, at least ${atLeast} was asked`)
  }
  if ('atMost' in expectation) {
    const { atMost } = expectation
    return give(value <= atMost ? 'held' : 'not-held', `${variant} is ${figure(value)}, at most ${atMost} was asked`)
  }
  const { versus } = expectation
  const base = evidence.median(versus, measure)
  if (base === undefined || !(base > 0)) return give('invalid', `${versus} was not measured`)
  const baseFindings = evidence.voidedBy(versus, measure)
  if (baseFindings.length > 0) return give('invalid', `${versus} is void: ${baseFindings[0]!.message}`)
  const floor = evidence.noiseFloor(measure)
  if (floor === undefined) return give('invalid', `${variant} against ${versus}: no noise floor was measured`)
  const ratio = value / base
  const told = `${variant} is ${ratio.toFixed(3)} times that of ${versus}, the noise floor ${(floor * 100).toFixed(1)} %`
  return give(
    'ratioAtMost' in expectation
      ? judgeBound(ratio, expectation.ratioAtMost, floor)
      : judgeDirection(ratio, expectation.direction, floor),
    told,
  )
}

/** A bound that is passed by less than the noise is neither kept nor broken: nobody can tell. */
function judgeBound(ratio: number, ratioAtMost: number, floor: number): Verdict {
  if (ratio <= ratioAtMost) return 'held'
  return ratio <= ratioAtMost * (1 + floor) ? 'no-difference' : 'not-held'
}

function judgeDirection(ratio: number, direction: 'lower' | 'higher', floor: number): Verdict {
  if (Math.abs(ratio - 1) <= floor) return 'no-difference'
  return (ratio < 1 ? 'lower' : 'higher') === direction ? 'held' : 'not-held'
}

/** A generator at its limit has shown less than the server can do: a lower bound that was reached stays reached. */
function boundStillStands(expectation: Expectation, value: number, findings: readonly Finding[]): boolean {
  return (
    'atLeast' in expectation && value >= expectation.atLeast && findings.every(({ gate }) => gate === 'generator-busy')
  )
}

function figure(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}
