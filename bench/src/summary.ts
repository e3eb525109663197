import { summarize } from '@qps/stats'
import type { Finding } from './gates.ts'
import { type Measure, measureNames } from './measures.ts'
import type { Spread } from './results.ts'
import type { Round } from './round.ts'

/** The rounds of one arm in short. */
export interface ArmSummary {
  summary: Partial<Record<Measure, Spread>>
  /** Findings that make a measure void, by measure. */
  voidedBy: Partial<Record<Measure, Finding[]>>
  /** The same in words: the most frequent finding and in how many rounds. */
  void: Partial<Record<Measure, string>>
}

/**
 * Median, minimum and maximum of each measure over the sound rounds. Where half of the rounds or more are unsound, the
 * measure is void: it is then summarized over all rounds, to be shown and not to be compared.
 */
export function summarizeRounds(rounds: readonly Round[]): ArmSummary {
  const result: ArmSummary = { summary: {}, voidedBy: {}, void: {} }
  for (const measure of measureNames) {
    const findings = rounds.flatMap((round) => firstVoiding(round, measure))
    const sound = rounds.filter((round) => firstVoiding(round, measure).length === 0)
    const isVoid = findings.length > 0 && sound.length <= rounds.length / 2
    const values = valuesOf(isVoid ? rounds : sound, measure)
    if (values.length > 0) {
      const { median, min, max } = summarize(values)
      result.summary[measure] = { median, min, max }
    }
    if (!isVoid) continue
    result.voidedBy[measure] = findings
    result.void[measure] = `${commonest(findings).message} (${findings.length} of ${rounds.length} rounds)`
  }
  return result
}

/** The measure round by round, undefined where it must not be compared. */
export function soundValues(rounds: readonly Round[], measure: Measure): (number | undefined)[] {
  return rounds.map((round) => (firstVoiding(round, measure).length === 0 ? round.measures[measure] : undefined))
}

function firstVoiding(round: Round, measure: Measure): Finding[] {
  return round.findings.filter(({ voids }) => voids.includes(measure)).slice(0, 1)
}

function valuesOf(rounds: readonly Round[], measure: Measure): number[] {
  return rounds.map(({ measures }) => measures[measure]).filter((value) => value !== undefined)
}

function commonest(findings: readonly Finding[]): Finding {
  const count = (gate: string): number => findings.filter((finding) => finding.gate === gate).length
  return findings.reduce((best, finding) => (count(finding.gate) > count(best.gate) ? finding : best))
}
