import type { Finding } from './gates.ts'
import type { Measure } from './measures.ts'
import type { Expectation, Inputs } from './scenario.ts'
import { inputsText } from './sweep.ts'

export type Verdict = 'held' | 'not-held' | 'no-difference' | 'invalid'

/** What the verdict is made from: medians, and why some of them are void. */
export interface Evidence {
  /** The median of one variant's measure, at the headline where no point is named; undefined where it was not measured. */
  median: (variant: string, measure: Measure, at?: Inputs) => number | undefined
  /** Why that median must not be compared; empty where it may be. */
  voidedBy: (variant: string, measure: Measure, at?: Inputs) => readonly Finding[]
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
  const { claim, says, measure, at } = expectation
  const variant = armText(expectation.variant, at)
  const value = evidence.median(expectation.variant, measure, at)
  const findings = evidence.voidedBy(expectation.variant, measure, at)
  const give = ({ verdict, reason }: Judgement): Judgement => ({
    verdict,
    reason: `${claim} ${verdict}: ${says} (${measure} of ${reason})`,
  })
  if (value === undefined) return give({ verdict: 'invalid', reason: `${variant} was not measured` })
  const judged = judgeFigure(expectation, variant, value, evidence)
  if (findings.length > 0 && !standsAnyway(expectation, judged, findings)) {
    return give({ verdict: 'invalid', reason: `${variant} is void: ${findings[0]!.message}` })
  }
  return give(judged)
}

function judgeFigure(expectation: Expectation, variant: string, value: number, evidence: Evidence): Judgement {
  if ('atLeast' in expectation) {
    const { atLeast } = expectation
    const reason = `${variant} is ${figure(value)}, at least ${atLeast} was asked`
    return { verdict: value >= atLeast ? 'held' : 'not-held', reason }
  }
  if ('atMost' in expectation) {
    const { atMost } = expectation
    const reason = `${variant} is ${figure(value)}, at most ${atMost} was asked`
    return { verdict: value <= atMost ? 'held' : 'not-held', reason }
  }
  return judgeAgainst(expectation, variant, value, evidence)
}

function judgeAgainst(expectation: RatioExpectation, variant: string, value: number, evidence: Evidence): Judgement {
  const { measure, at, versusAt = at } = expectation
  const versus = armText(expectation.versus, versusAt)
  const invalid = (reason: string): Judgement => ({ verdict: 'invalid', reason })
  const base = evidence.median(expectation.versus, measure, versusAt)
  if (base === undefined || !(base > 0)) return invalid(`${versus} was not measured`)
  const findings = evidence.voidedBy(expectation.versus, measure, versusAt)
  if (findings.length > 0) return invalid(`${versus} is void: ${findings[0]!.message}`)
  const floor = evidence.noiseFloor(measure)
  if (floor === undefined) return invalid(`${variant} against ${versus}: no noise floor was measured`)
  const ratio = value / base
  const reason = `${variant} is ${ratio.toFixed(3)} times that of ${versus}, the noise floor ${(floor * 100).toFixed(1)} %`
  return { verdict: judgeRatio(expectation, ratio, floor), reason }
}

function judgeRatio(expectation: RatioExpectation, ratio: number, floor: number): Verdict {
  if ('ratioAtMost' in expectation) return judgeBound(ratio, expectation.ratioAtMost, floor)
  // The same bound, seen from the other side.
  if ('ratioAtLeast' in expectation) return judgeBound(1 / ratio, 1 / expectation.ratioAtLeast, floor)
  return judgeDirection(ratio, expectation.direction, floor)
}

type RatioExpectation = Extract<Expectation, { versus: string }>

function armText(variant: string, at: Inputs | undefined): string {
  return at === undefined ? variant : `${variant} (${inputsText(at)})`
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
function standsAnyway(expectation: Expectation, { verdict }: Judgement, findings: readonly Finding[]): boolean {
  const isLowerBound = 'atLeast' in expectation || 'ratioAtLeast' in expectation
  return isLowerBound && verdict === 'held' && findings.every(({ gate }) => gate === 'generator-busy')
}

function figure(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}
