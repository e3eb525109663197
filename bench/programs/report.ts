import { parseArgs } from 'node:util'
import { QpsError } from '@qps/core'

/** What every program is told by the runner, and what it says back. */
export interface ProgramOptions {
  /** Where to send; empty where the scenario has no target. */
  target: string
  warmupS: number
  seconds: number
  /** Further options by name, as text. */
  given: Readonly<Record<string, string>>
}

/**
 * Reads `--name value` pairs.
 *
 * @throws QpsError QPS_OPTION where the time to measure is missing.
 */
export function programOptions(words: readonly string[] = process.argv.slice(2)): ProgramOptions {
  const { tokens } = parseArgs({ args: [...words], strict: false, tokens: true, allowPositionals: true })
  const given: Record<string, string> = {}
  for (const token of tokens) {
    const value = token.kind === 'option' ? (token.value ?? words[token.index + 1]) : undefined
    if (token.kind === 'option' && value !== undefined) given[token.name] = value
  }
  const seconds = Number(given['seconds'])
  if (!(seconds > 0)) {
    throw new QpsError('QPS_OPTION', `--seconds must be above 0, not ${given['seconds']}`, {
      hint: 'this program is run by npm run bench; by hand: --seconds 1 --warmup 0.2 --target http://127.0.0.1:8080/',
    })
  }
  return { target: given['target'] ?? '', warmupS: Number(given['warmup'] ?? 0), seconds, given }
}

/** The measured time begins now. */
export function measuring(): void {
  print({ event: 'measuring' })
}

/** The measured time is over. Resolves when the runner has looked at this process: then it may end. */
export async function measured(found: {
  requests: number
  errors: number
  elapsedS: number
  figures?: Readonly<Record<string, number>>
}): Promise<void> {
  print({ event: 'measured', ...found })
  for await (const _ of process.stdin) {
    // Nothing is expected but the end.
  }
}

function print(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
