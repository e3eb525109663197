import { execFileSync } from 'node:child_process'
import { repositoryRoot } from './paths.ts'

/** Which code was measured. */
export interface Commit {
  /** Full hash, or `unknown` outside a git checkout. */
  commit: string
  /** True where tracked or new files differ from the commit; texts and stored results do not count. */
  dirty: boolean
}

export function currentCommit(folder: string = repositoryRoot): Commit {
  const commit = git(folder, 'rev-parse', 'HEAD')
  if (commit === undefined) return { commit: 'unknown', dirty: false }
  const changes = git(folder, 'status', '--porcelain', '--', '.', ':!bench/results', ':!*.md')
  return { commit, dirty: changes === undefined || changes !== '' }
}

function git(folder: string, ...parameters: string[]): string | undefined {
  try {
    return execFileSync('git', parameters, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}
