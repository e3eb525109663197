import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { runLoad } from '@qps/loadgen'
import { summarize } from '@qps/stats'
import { requireProgram, startKnownLatency } from '@qps/testkit'
import { expect, test } from 'vitest'

/*
 * wrk as the referee: both load the same server alternately, several rounds each, and the medians are compared. First a
 * server that takes its time, where the latency makes the rate; then one that answers at once, which is at its limit.
 */
const wrk = requireProgram('wrk', 'apt-get install wrk')
const run = promisify(execFile)
const rounds = 7
const seconds = 2

interface Round {
  qps: number
  meanMs: number
}

test.skipIf(!wrk.available)(
  'rate and mean agree with wrk within 10 %: a constant latency',
  { timeout: 120_000 },
  async () => {
    await using server = await startKnownLatency({ kind: 'constant', delayMs: 2 })
    await expectAgreement(server.url, 16)
  },
)

test.skipIf(!wrk.available)(
  'rate and mean agree with wrk within 10 %: a saturated server',
  { timeout: 120_000 },
  async () => {
    await using server = await startKnownLatency({ kind: 'constant', delayMs: 0 })
    await expectAgreement(server.url, 64)
  },
)

async function expectAgreement(url: string, connections: number): Promise<void> {
  const ours: Round[] = []
  const theirs: Round[] = []
  for (let round = 0; round < rounds; round++) {
    const turns = [
      async () => ours.push(await withOurs(url, connections)),
      async () => theirs.push(await withWrk(url, connections)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  for (const figure of ['qps', 'meanMs'] as const) {
    const our = summarize(ours.map((round) => round[figure]))
    const their = summarize(theirs.map((round) => round[figure]))
    const ratio = our.median / their.median
    const name = `${figure}: ours ${JSON.stringify(our)}, wrk ${JSON.stringify(their)}`
    expect(ratio, name).toBeGreaterThan(0.9)
    expect(ratio, name).toBeLessThan(1.1)
  }
}

async function withOurs(url: string, connections: number): Promise<Round> {
  const result = await runLoad({ url, connections, durationS: seconds })
  expect(result.errors).toBe(0)
  return { qps: result.achievedQps, meanMs: result.latencyMs.mean }
}

async function withWrk(url: string, connections: number): Promise<Round> {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url])
  const [, mean, unit] = /Latency\s+([\d.]+)(us|ms|s)/.exec(stdout)!
  const [, qps] = /Requests\/sec:\s+([\d.]+)/.exec(stdout)!
  return { qps: Number(qps), meanMs: Number(mean) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'] }
}
