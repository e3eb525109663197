import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface ProgramAvailability {
  available: boolean
  /** Why a test is skipped, with the line that installs the program. Empty where it is available. */
  reason: string
}

/**
 * Is this program on PATH? For `test.skipIf(!program.available)`.
 *
 * @param installLine what a person types to get it, for example `apt-get install slowhttptest`.
 * @throws Error where it is missing and REAL_SERVICES=required, as in CI: there a skipped test is a failed one.
 */
export function requireProgram(name: string, installLine: string): ProgramAvailability {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (folders.some((folder) => folder !== '' && existsSync(join(folder, name)))) return { available: true, reason: '' }
  const reason = `${name} is not on PATH: ${installLine}`
  if (process.env['REAL_SERVICES'] === 'required') throw new Error(reason)
  return { available: false, reason }
}
