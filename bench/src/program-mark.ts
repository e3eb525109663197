import { describe } from '@qps/core'

/** A line of a program that measures itself. */
export interface ProgramMark {
  event: 'measuring' | 'measured'
  requests: number
  errors: number
  elapsedS: number
  figures: Readonly<Record<string, number>>
}

/**
 * Reads a line of a program's standard output.
 *
 *   {"event":"measuring"}
 *   {"event":"measured","requests":1000,"errors":0,"elapsedS":5.01,"figures":{"bodyBytes":41000}}
 *
 * @returns undefined for a line that is none of the two.
 * @throws Error naming the field that is wrong.
 */
export function programMark(line: string): ProgramMark | undefined {
  if (!line.startsWith('{')) return undefined
  let value: Record<string, unknown>
  try {
    value = JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { event } = value
  if (event === 'measuring') return { event, requests: 0, errors: 0, elapsedS: 0, figures: {} }
  if (event !== 'measured') return undefined
  const number = (name: string, of: Record<string, unknown> = value): number => {
    const given = of[name]
    if (typeof given === 'number' && Number.isFinite(given) && given >= 0) return given
    throw new Error(`${name} of its measured event must be a number of at least 0, not ${describe(given)}`)
  }
  const given = (value['figures'] ?? {}) as Record<string, unknown>
  const figures = Object.fromEntries(Object.keys(given).map((name) => [name, number(name, given)]))
  return { event, requests: number('requests'), errors: number('errors'), elapsedS: number('elapsedS'), figures }
}
