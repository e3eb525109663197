import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../src/paths.ts'
import { openWorktree, resolveRevision } from '../src/worktree.ts'
import { thrownBy } from './thrown.ts'

const leftovers = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('qps-compare-'))
const worktrees = (): string => execFileSync('git', ['worktree', 'list'], { cwd: repositoryRoot, encoding: 'utf8' })

test('a revision is resolved to its commit, whatever form it is given in', async () => {
  const commit = await resolveRevision('HEAD')
  expect(commit).toMatch(/^[0-9a-f]{40}$/)
  expect(await resolveRevision(commit.slice(0, 10))).toBe(commit)
})

test.each(['no-such-branch', '', '--help', '-', 'HEAD:package.json'])('%j is no revision', async (revision) => {
  expect((await thrownBy(() => resolveRevision(revision))).code).toBe('QPS_USAGE')
})

test('the other tree is compiled from its own packages, not from ours, and nothing of it stays', async () => {
  let folder: string
  {
    using worktree = await openWorktree(await resolveRevision('HEAD'))
    folder = worktree.folder
    expect(existsSync(join(folder, 'stages', '01-minimal-server', 'dist', 'main.js'))).toBe(true)
    const core = realpathSync(join(folder, 'node_modules', '@qps', 'core'))
    expect(core).toBe(realpathSync(join(folder, 'packages', 'core')))
  }
  expect(existsSync(folder)).toBe(false)
  expect(worktrees()).not.toContain(folder)
})

test('a revision that cannot be used is one line, and nothing of it stays', async () => {
  const error = await thrownBy(() => openWorktree('0'.repeat(40)))
  expect(error.code).toBe('QPS_REVISION_BROKEN')
  expect(error.message).toMatch(/^000000000000 cannot be checked out: .*/)
  expect(error.message).not.toContain('\n')
  expect(leftovers()).toEqual([])
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s while it compiles leaves no folder and no worktree', async (signal) => {
  const main = join(repositoryRoot, 'bench', 'src', 'compare.ts')
  const child = spawn(process.execPath, ['--conditions=@qps/source', main, 'HEAD'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  await once(child.stderr, 'data')
  child.kill(signal)
  expect((await exited)[0]).toBe(signal === 'SIGINT' ? 130 : 143)
  expect(leftovers()).toEqual([])
  expect(worktrees()).not.toContain('qps-compare-')
})
