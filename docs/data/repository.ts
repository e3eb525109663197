import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The repository's top folder. Every path on this site is told from here. */
export const repositoryRoot: string = resolve(import.meta.dirname, '../..')

/** The text of a file of the repository, or undefined where there is none. @param path from the top folder. */
export function readText(path: string): string | undefined {
  const full = join(repositoryRoot, path)
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined
}
