import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sourceFlags } from '@qps/core'
import { runLoad } from '@qps/loadgen'
import { probe } from '@qps/netpoll'
import { requireProgram } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { CopyCounter } from '../programs/copies/copy-counter.ts'
import { countPerRequest, total } from '../programs/copies/count.ts'
import { countSystemCalls } from '../programs/copies/system-calls.ts'

const cc = requireProgram('cc', 'apt-get install gcc libc6-dev')
const strace = requireProgram('strace', 'apt-get install strace')
const canTrace = strace.available && spawnSync('strace', ['-c', '-o', '/dev/null', 'true']).status === 0
const hasRing = probe().io_uring === undefined

/** A process that runs `program`, line by line of its standard input, and answers each with `done`. */
function obeying(program: string, environment: Readonly<Record<string, string>> = {}): ChildProcess {
  const source = `
    ${program}
    for await (const _ of require('node:readline').createInterface({ input: process.stdin })) {
      run()
      console.log('done')
    }`
  const body = `(async () => {${source}})()`
  return spawn(process.execPath, ['--eval', body], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
}

async function order({ stdin, stdout }: ChildProcess): Promise<void> {
  const line = once(createInterface({ input: stdout! }), 'line', { signal: AbortSignal.timeout(10_000) })
  stdin!.write('go\n')
  await line
}

describe.skipIf(!cc.available)(`copies are counted ${cc.reason}`, () => {
  test.each([
    ['Uint8Array.set', 'target.set(bytes)', 1],
    ['Buffer.copy', 'bytes.copy(target)', 1],
    ['slice', 'Uint8Array.prototype.slice.call(bytes)', 1],
    ['Buffer.from', 'Buffer.from(bytes)', 1],
    ['Buffer.concat of two', 'Buffer.concat([bytes, bytes])', 2],
    ['a view', 'bytes.subarray(0, 19_999)', 0],
    ['a short one', 'target.set(bytes.subarray(0, 1_000))', 0],
  ])('%s', async (_, expression, copies) => {
    using counter = await CopyCounter.create(20_000)
    const child = obeying(
      `const bytes = Buffer.alloc(20_000, 1), target = Buffer.alloc(20_000)
       const run = () => { for (let count = 0; count < 2_000; count++) ${expression} }`,
      counter.environment,
    )
    try {
      await order(child)
      const before = counter.read()
      await order(child)
      const after = counter.read()
      // What belongs to nobody's copy: the compiler's and the collector's.
      expect((after.copies - before.copies) / 2_000).toBeCloseTo(copies, 1)
      expect((after.bytes - before.bytes) / 2_000 / 20_000).toBeCloseTo(copies, 1)
    } finally {
      child.kill()
    }
  })
})

describe.skipIf(!canTrace)(`system calls are counted ${strace.reason}`, () => {
  test('those that were made while it ran, and no others', async () => {
    const child = obeying(
      `const fs = require('node:fs'), descriptor = fs.openSync(process.execPath, 'r')
       const run = () => { for (let count = 0; count < 500; count++) fs.fstatSync(descriptor), process.umask() }`,
    )
    try {
      await order(child)
      const calls = await countSystemCalls(child.pid!, () => order(child))
      // It asks for the mask by setting it, and back: umask(2).
      expect(calls['umask']).toBe(1_000)
      expect((calls['fstat'] ?? 0) + (calls['newfstatat'] ?? 0) + (calls['statx'] ?? 0)).toBe(500)
    } finally {
      child.kill()
    }
  })

  test('a process that is gone is an error that says so', async () => {
    const child = spawn('true')
    await once(child, 'exit')
    await expect(countSystemCalls(child.pid!, async () => {})).rejects.toThrow(/strace/)
  })

  test.skipIf(!hasRing)('the engine counts its own calls as strace does', async () => {
    const program = fileURLToPath(new URL('../programs/copies-server.ts', import.meta.url))
    const words = [...sourceFlags(import.meta.url), program, '--kind', 'send', '--bytes', '4096']
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    try {
      const [listening] = (await once(lines, 'line')) as [string]
      const { url } = JSON.parse(listening) as { url: string }
      let requests = 0
      const calls = await countSystemCalls(child.pid!, async () => {
        requests = (await runLoad({ url, connections: 1, durationS: 0.5 })).requests
      })
      child.kill('SIGTERM')
      const [drained] = (await once(lines, 'line')) as [string]
      const { systemCalls, copyingSends } = JSON.parse(drained) as { systemCalls: number; copyingSends: number }
      expect(copyingSends).toBeGreaterThanOrEqual(requests)
      const seen = calls['io_uring_enter']!
      // Those before strace came and behind its end are in the engine's count only.
      expect(Math.abs(systemCalls - seen)).toBeLessThan(10 + 0.02 * seen)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe.skipIf(!cc.available || !canTrace)('per request', () => {
  test('node:http copies no answer of a buffer, and hands it over in one call', async () => {
    const found = await countPerRequest({ kind: 'node-http', bytes: 65_536, connections: 1, warmupS: 0.3, seconds: 1 })
    expect(found).toMatchObject({ errors: 0, missing: [] })
    expect(found.copiedBytes! / 65_536).toBeLessThan(0.3)
    expect(found.systemCalls!['writev']).toBeCloseTo(1, 0)
    expect(total(found.systemCalls!)).toBeGreaterThan(2)
  })

  test.skipIf(!hasRing)(
    'the engine copies a lent answer once, zero-copy sends not at all, and loopback copies them',
    async () => {
      const count = (kind: string): ReturnType<typeof countPerRequest> =>
        countPerRequest({ kind, bytes: 65_536, connections: 1, warmupS: 0.3, seconds: 0.6 })
      const written = await count('write')
      expect(written.copiedBytes! / 65_536).toBeCloseTo(1, 0)
      expect(written.copiedAfterAll).toBeUndefined()
      const zeroCopy = await count('send-zc')
      expect(zeroCopy.copiedBytes! / 65_536).toBeLessThan(0.3)
      expect(zeroCopy.copiedAfterAll).toBeGreaterThan(0.9)
    },
  )
})
