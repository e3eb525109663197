import { messageOf, QpsError } from '@qps/core'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from './paths.ts'
import { killGroup } from './process-group.ts'

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
    // A checkout that was cut short is still locked, and git prunes no locked one; unlocking any other fails, harmlessly.
    spawnSync('git', ['worktree', 'unlock', this.folder], { cwd: repositoryRoot, stdio: 'ignore' })
    rmSync(dirname(this.folder), { recursive: true, force: true, maxRetries: 5 })
    spawnSync('git', ['worktree', 'prune'], { cwd: repositoryRoot, stdio: 'ignore' })
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
    return (await promisify(execFile)('git', asked, { cwd: root })).stdout.trim()
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
    const fault = await runToEnd(program, parameters, cwd, signal)
    signal?.throwIfAborted()
    if (fault === undefined) return
    throw new QpsError('QPS_REVISION_BROKEN', `${commit.slice(0, 12)} ${what}: ${fault}`, {
      hint: 'compare with a revision that builds',
    })
  }
  try {
    await step('cannot be checked out', 'git', ['worktree', 'add', '--detach', folder, commit], repositoryRoot)
    if (sameLockfile(folder)) linkDependencies(folder)
    else await step('cannot be installed', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
    await step('does not compile', join(folder, 'node_modules', '.bin', 'tsc'), ['-b', ...measured(folder)], folder)
    return worktree
  } catch (error) {
    worktree[Symbol.dispose]()
    throw error
  }
}

/**
 * Runs a program in a process group of its own, so that an interruption ends all of it before the folder is removed.
 *
 * @returns undefined where it succeeded, else the line of its output that tells most.
 */
async function runToEnd(
  program: string,
  parameters: string[],
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const child = spawn(program, parameters, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(0, outputBytesMax))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const abort = (): void => killGroup(child.pid)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  const [code] = (await once(child, 'close').catch((error: unknown) => [messageOf(error)])) as [number | string | null]
  signal?.removeEventListener('abort', abort)
  if (code === 0) return undefined
  return tellingLine(output) ?? `it ended with ${code}`
}

/** npm puts a code before the reason, compilers name the file and the error. */
function tellingLine(output: string): string | undefined {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const fromNpm = lines
    .filter((line) => /^npm error (?!code )\S/.test(line))
    .map((line) => line.slice('npm error '.length))
  return (fromNpm[0] ?? lines.find((line) => /error/i.test(line)) ?? lines[0])?.trim().slice(0, 300)
}

/** Of what a failing program says, the beginning tells why. */
const outputBytesMax = 64 * 1024

/** Stages and programs are what is measured; whatever else does not compile there is none of our business. */
function measured(folder: string): string[] {
  return globSync(['stages/*/tsconfig.json', 'bench/programs/tsconfig.json'], { cwd: folder }).map((path) =>
    dirname(path),
  )
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
