import { messageOf, QpsError, systemErrorCode } from '@qps/core'
import { type CommandSpec, parseCommand, type ParsedCommand } from './command.ts'
import { helpText } from './help.ts'

/** 0 done, 1 failure, 2 wrong usage, 3 a real part is missing. */
export function exitCodeOf(error: unknown): 1 | 2 | 3 {
  if (!(error instanceof QpsError)) return 1
  if (error.code === 'QPS_PART_MISSING') return 3
  return usageCodes.has(error.code) ? 2 : 1
}

const usageCodes = new Set<string>(['QPS_USAGE', 'QPS_OPTION', 'QPS_UNKNOWN_VARIANT', 'QPS_UNKNOWN_SCENARIO'])

/** An error as one line: what, why, next step. Anything but a QpsError is a bug of ours and keeps its stack. */
export function errorLine(error: unknown): string {
  if (error instanceof QpsError)
    return `${error.code}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`
  const code = systemErrorCode(error)
  if (code !== undefined) return `${code}: ${messageOf(error)}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The `error` event of the contract. */
export function errorEvent(error: unknown): { event: 'error'; code: string; message: string; hint: string } {
  if (error instanceof QpsError)
    return { event: 'error', code: error.code, message: error.message, hint: error.hint ?? '' }
  return {
    event: 'error',
    code: 'QPS_INTERNAL',
    message: messageOf(error),
    hint: 'this is a bug: please report it with the command that you typed',
  }
}

/**
 * The frame of every command: `--help`, one line for an error (an `error` event with `--json`), the exit code.
 * `main` returns the exit code, default 0.
 *
 * @returns the exit code; also put into `process.exitCode`, so that output still being written is not cut off.
 */
export async function runCommand(
  spec: CommandSpec,
  argv: readonly string[],
  main: (command: ParsedCommand) => Promise<number | void>,
): Promise<number> {
  const json = argv.includes('--json')
  const optionsEnd = argv.indexOf('--')
  const asked = optionsEnd === -1 ? argv : argv.slice(0, optionsEnd)
  try {
    if (asked.includes('--help') || (asked.includes('-h') && !usesLetter(spec, 'h'))) {
      process.stdout.write(helpText(spec))
      return 0
    }
    process.exitCode = (await main(parseCommand(spec, argv))) ?? 0
  } catch (error) {
    if (json) process.stdout.write(`${JSON.stringify(errorEvent(error))}\n`)
    else process.stderr.write(`${errorLine(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
  return process.exitCode as number
}

function usesLetter(spec: CommandSpec, letter: string): boolean {
  return Object.values(spec.options).some((option) => option.short === letter)
}
