import type { LoadResult } from '@qps/loadgen'
import type { ReportedProfile } from '@qps/profile'
import { requireProgram } from '@qps/testkit'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const command = fileURLToPath(new URL('../src/commands/profile.ts', import.meta.url))
const main = fileURLToPath(new URL('./hungry-stage/main.ts', import.meta.url))
const variantsFile = 'packages/console/test/hungry-stage/variants.ts'
const run = promisify(execFile)
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'profiles-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function profile(...options: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--conditions=@qps/source', command, ...options], {
    timeout: 50_000,
    maxBuffer: 16 * 1024 * 1024,
  })
  return stdout
}

type Event = ReportedProfile & { event: string; variant: string; load: LoadResult }
const json = async (...options: string[]): Promise<Event> => JSON.parse(await profile(...options, '--json')) as Event

test('the function that allocates is named first, with bytes for each request', async () => {
  const save = join(folder, 'saved.pb.gz')
  const { functions, requests, kind, variant, load } = await json('--main', main, '-d', '1', '--save', save)
  expect([kind, variant]).toEqual(['allocations', 'allocates'])
  expect(functions[0]).toMatchObject({ name: 'makesGarbageForEachRequest', file: variantsFile, kind: 'ours' })
  // 2000 times two objects and a number: at least 16 bytes each, whatever V8 makes of them.
  expect(functions[0]!.self / requests).toBeGreaterThan(2_000 * 3 * 16)
  expect(functions[0]!.self / requests).toBeLessThan(2_000 * 3 * 100)
  expect(existsSync(save)).toBe(true)
  // The service went on: no request was lost, and none waited for the profile.
  expect(load.errors).toBe(0)
  expect(load.latencyMs.max).toBeLessThan(5_000)
})

test('with --cpu it is the function that computes, and the line of it', async () => {
  const text = await profile('--main', main, '--variant', 'computes', '--cpu', '-d', '1', '--rows', '3')
  expect(text).toContain('CPU time of computes')
  const rows = text.split('\n')
  const first = rows[rows.findIndex((row) => row.includes('whose')) + 1]!
  expect(first).toContain('computesForEachRequest')
  expect(first).toContain('for (let index = 0; index < 200_000; index++)')
})

test('threads of a stage are profiled with it, and their requests counted', async () => {
  const { threads, requests, lost } = await json(
    '--stage',
    '2',
    '--variant',
    'reuseport',
    '--workers',
    '2',
    '--cpu',
    '-d',
    '2',
  )
  expect(threads).toHaveLength(3)
  expect(threads.filter(({ total }) => total > 0).length).toBeGreaterThanOrEqual(2)
  expect(requests).toBeGreaterThan(100)
  expect(lost).toEqual([])
})

test.each([
  [[], 'QPS_USAGE'],
  [['--stage', '98'], 'QPS_USAGE'],
  [['--main', main, '--variant', 'sated'], 'QPS_UNKNOWN_VARIANT'],
  [['--main', main, '--cpu', '--live'], 'QPS_USAGE'],
])('%j: %s', async (options, code) => {
  await expect(profile(...options)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(code) })
})

const script = requireProgram('script', 'apt-get install bsdutils')
test.skipIf(!script.available)(`key p: both formats, and a few names on the terminal ${script.reason}`, async () => {
  const words = [
    process.execPath,
    '--conditions=@qps/source',
    main,
    '--variant',
    'computes',
    '--port',
    '0',
    '--admin-port',
    '0',
  ]
  // A terminal that can do what terminals do, wherever the test runs.
  const env = { ...process.env, TERM: 'xterm', QPS_ROOT: folder }
  const child = spawn('script', ['-qec', words.join(' '), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env })
  try {
    let screen = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text))
    await until(child, () => /serving/.test(screen) && /waiting for requests|QPS/.test(screen))
    const url = /http:\/\/[\d.]+:\d+/.exec(screen)![0]
    child.stdin.write('p')
    await until(
      child,
      () => screen.includes('profiling'),
      async () => void (await fetch(url)),
    )
    await until(
      child,
      () => screen.includes('go tool pprof'),
      async () => void (await fetch(url)),
    )
    child.stdin.write('q')
    const files = readdirSync(join(folder, '.profiles'))
    expect(files.filter((file) => file.endsWith('.pb.gz'))).toHaveLength(1)
    const own = files.find((file) => file.endsWith('.cpuprofile'))!
    expect(Object.keys(JSON.parse(readFileSync(join(folder, '.profiles', own), 'utf8')) as object)).toContain('nodes')
    const table = screen.slice(screen.indexOf('whose'), screen.indexOf('go tool pprof'))
    expect(table.match(/ %/g)!.length).toBeLessThanOrEqual(8)
    expect(table).toContain('computesForEachRequest')
  } finally {
    child.kill('SIGKILL')
  }
})

/** @param meanwhile done over and over. */
async function until(child: ChildProcess, condition: () => boolean, meanwhile?: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > endMs || child.exitCode !== null) throw new Error('it did not come to that')
    await meanwhile?.()
    await new Promise((next) => setTimeout(next, 10))
  }
}
