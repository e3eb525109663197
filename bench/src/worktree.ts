import { messageOf, QpsError } from '@qps/core'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from './paths.ts'

const run = promisify(execFile)

/** Another revision of this repository, checked out, linked and compiled in a temporary folder. */
export class Worktree implements Disposable {
  readonly folder: string
  readonly commit: string
  readonly #remove = (): void => this[Symbol.dispose]()

  constructor(folder: string, commit: string) {
    this.folder = folder
    this.commit = commit
    process.on('exit', this.#remove)
  }

  /** Removes the folder and git's note of it. Also done when the process exits first. */
  [Symbol.dispose](): void {
    process.off('exit', this.#remove)
    rmSync(dirname(this.folder), { recursive: true, force: true })
    execFileSync('git', ['worktree', 'prune'], { cwd: repositoryRoot, stdio: 'ignore' })
  }
}

/**
 * The full hash of a revision.
 *
 * @throws QpsError QPS_USAGE where git knows no such commit.
 */
export async function resolveRevision(revision: string, root: string = repositoryRoot): Promise<string> {
  try {
    const asked = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]
    return (await run('git', asked, { cwd: root })).stdout.trim()
  } catch (error) {
    throw new QpsError('QPS_USAGE', `git knows no revision ${JSON.stringify(revision)}`, {
      cause: error,
      hint: 'give a branch, a tag or a commit: git log --oneline shows the latest',
    })
  }
}

/**
 * Checks out `commit` and compiles it. Dependencies are linked from here where the lockfile is the same, else installed.
 *
 * @throws QpsError QPS_REVISION_BROKEN where it cannot be checked out, installed or compiled; nothing is left behind.
 */
export async function openWorktree(commit: string, signal?: AbortSignal): Promise<Worktree> {
  const worktree = new Worktree(join(mkdtempSync(join(tmpdir(), 'qps-compare-')), 'tree'), commit)
  const { folder } = worktree
  const step = async (what: string, program: string, parameters: string[], cwd: string): Promise<void> => {
    try {
      await run(program, parameters, { cwd, maxBuffer: 16 * 1024 * 1024, ...(signal ? { signal } : {}) })
    } catch (error) {
      signal?.throwIfAborted()
      const output = (error as { stdout?: string }).stdout?.trim().split('\n')[0] || messageOf(error)
      throw new QpsError('QPS_REVISION_BROKEN', `${commit.slice(0, 12)} ${what}: ${output}`, {
        cause: error,
        hint: 'compare with a revision that builds',
      })
    }
  }
  try {
    await step('cannot be checked out', 'git', ['worktree', 'add', '--detach', folder, commit], repositoryRoot)
    if (sameLockfile(folder)) linkDependencies(folder)
    else await step('cannot be installed', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
    await step('does not compile', join(folder, 'node_modules', '.bin', 'tsc'), ['-b'], folder)
    return worktree
  } catch (error) {
    worktree[Symbol.dispose]()
    throw error
  }
}

function sameLockfile(folder: string): boolean {
  const [there, here] = [folder, repositoryRoot].map((root) => join(root, 'package-lock.json'))
  return existsSync(there!) && readFileSync(there!, 'utf8') === readFileSync(here!, 'utf8')
}

/**
 * Links third-party packages from this tree and the workspaces from the other one. A link to node_modules as a whole
 * would not do: its `@qps` entries point here, and both arms would run the same code.
 */
function linkDependencies(folder: string): void {
  const source = join(repositoryRoot, 'node_modules')
  const target = join(folder, 'node_modules')
  mkdirSync(join(target, '@qps'), { recursive: true })
  for (const entry of readdirSync(source)) {
    if (entry !== '@qps') symlinkSync(join(source, entry), join(target, entry))
  }
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { workspaces: string[] }
  for (const path of globSync(
    manifest.workspaces.map((pattern) => `${pattern}/package.json`),
    { cwd: folder },
  )) {
    const workspace = dirname(path)
    const { name } = JSON.parse(readFileSync(join(folder, path), 'utf8')) as { name: string }
    symlinkSync(join(folder, workspace), join(target, name))
    const own = join(repositoryRoot, workspace, 'node_modules')
    if (existsSync(own)) symlinkSync(own, join(folder, workspace, 'node_modules'))
  }
}
