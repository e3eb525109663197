import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** The repository's top folder, whether the sources run (`bench/src`) or the compiled code (`bench/dist/src`). */
export const repositoryRoot: string = topFolder(import.meta.dirname)

function topFolder(from: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'turbo.json')) && existsSync(join(folder, 'bench', 'peers'))) return folder
  }
  throw new Error(`${from} is not inside the repository: no folder above it has turbo.json and bench/peers`)
}

/** Where committed results live: one folder per machine. */
export const resultsFolder: string = join(repositoryRoot, 'bench', 'results')

/** A path as messages show it: relative to the repository, where it is inside. */
export function shownPath(path: string): string {
  const short = relative(repositoryRoot, path)
  return short.startsWith('..') ? path : short
}
