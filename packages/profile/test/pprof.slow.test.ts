import { Profiler } from '@qps/profile'
import { requireProgram } from '@qps/testkit'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { busyFile, lineOf, root, startBusyThread } from './threads.ts'

const go = requireProgram('go', 'apt-get install golang-go')
let folder = ''
/** Since Go 1.25 its tools are compiled when they are first asked for. */
const compileMsMax = 240_000

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pprof-'))
  if (go.available) execFileSync('go', ['tool', '-n', 'pprof'], { cwd: folder, env: goEnv() })
}, compileMsMax)
afterAll(() => rmSync(folder, { recursive: true }))

/** The row below the titles. */
function firstRow(top: string): string | undefined {
  const lines = top.split('\n')
  return lines[lines.findIndex((line) => /flat%/.test(line)) + 1]
}

/** What `go tool pprof` makes of it. */
function pprof(bytes: Uint8Array, ...flags: string[]): string {
  const file = join(folder, 'profile.pb.gz')
  writeFileSync(file, bytes)
  return execFileSync('go', ['tool', 'pprof', ...flags, file], { encoding: 'utf8', cwd: folder, env: goEnv() })
}

/** Nothing is downloaded: what is installed has to do. */
function goEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PPROF_TMPDIR: folder, GOTOOLCHAIN: 'local', GOPROXY: 'off' }
}

test.skipIf(!go.available)(`go tool pprof names what takes the CPU ${go.reason}`, { timeout: 60_000 }, async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('burn')
  const { pprof: bytes } = await profiler.profile('cpu', { seconds: 1 })
  const top = pprof(bytes, '-top', '-nodecount=5')
  expect(top).toContain('Type: cpu')
  expect(firstRow(top)).toMatch(/burnsTheProcessor$/)
  expect(pprof(bytes, '-top', '-lines', '-nodecount=3')).toContain(`${busyFile}:${lineOf('index < 3_000_000')}`)
  expect(pprof(bytes, '-tags')).toMatch(/worker \d/)
})

test.skipIf(!go.available)(`go tool pprof names what allocates ${go.reason}`, { timeout: 60_000 }, async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('allocate')
  const { pprof: bytes } = await profiler.profile('allocations', { seconds: 1 })
  const top = pprof(bytes, '-top', '-nodecount=5')
  expect(top).toContain('Type: alloc_space')
  expect(firstRow(top)).toMatch(/buildsShortLivedObjects$/)
  expect(pprof(bytes, '-top', '-sample_index=samples')).toContain('Type: samples')
})
