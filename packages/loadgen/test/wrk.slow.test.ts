import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runLoad } from '@qps/loadgen'
import { summarize } from '@qps/stats'
import { requireProgram, startKnownLatency } from '@qps/testkit'
import { expect, test } from 'vitest'

/*
 * wrk as the referee: both load the same server in turns, and the median of the ratios of neighboring rounds is looked at, so
 * that what changes slowly on the machine cancels out. First a server that takes its time, where the latency makes the
 * rate; then one of node:http that works on every request and is at its limit. A server as fast as the generators would
 * compare their speed instead.
 */
const wrk = requireProgram('wrk', 'apt-get install wrk')
const run = promisify(execFile)
/**
 * A server that waits gives nearly the same each time; one that is at its limit does not. Where others use the cores there are
 * more, until the median agrees: a generator that is wrong is wrong in all of them.
 */
const rounds = { wait: { min: 1, max: 7 }, work: { min: 3, max: 9 } }
const seconds = 1

interface Round {
  qps: number
  meanMs: number
}
interface Pair {
  ours: Round
  theirs: Round
}
const figures = ['qps', 'meanMs'] as const

test.skipIf(!wrk.available)(
  'rate and mean agree with wrk within 10 %: a known latency',
  { timeout: 120_000 },
  async () => {
    await using server = await startKnownLatency({ kind: 'constant', delayMs: 6 })
    expectAgreement(await rival(server.url, 16, rounds.wait))
  },
)

test.skipIf(!wrk.available)('rate and mean agree with wrk within 10 %: node:http', { timeout: 120_000 }, async () => {
  const child = fork(fileURLToPath(new URL('http-process.ts', import.meta.url)), [], { execArgv: [] })
  try {
    const [port] = (await once(child, 'message')) as [number]
    expectAgreement(await rival(`http://127.0.0.1:${port}/`, 8, rounds.work))
  } finally {
    child.kill('SIGKILL')
  }
})

/** Rounds in turns, and a first pair that warms the server up and is dropped. */
async function rival(url: string, connections: number, { min, max }: { min: number; max: number }): Promise<Pair[]> {
  const pairs: Pair[] = []
  // The first one is not counted.
  for (let round = 0; round <= min || (round <= max && !agree(pairs.slice(1))); round++) {
    const oursFirst = round % 2 === 0 ? await withOurs(url, connections) : undefined
    const theirs = await withWrk(url, connections)
    pairs.push({ ours: oursFirst ?? (await withOurs(url, connections)), theirs })
  }
  return pairs.slice(1)
}

function expectAgreement(pairs: Pair[]): void {
  for (const figure of figures) {
    expect(ratioOf(figure, pairs), `${figure}: ${JSON.stringify(pairs)}`).toBeGreaterThan(0.9)
    expect(ratioOf(figure, pairs), `${figure}: ${JSON.stringify(pairs)}`).toBeLessThan(1.1)
  }
}

/** The median of what we say, in units of what they say. */
const ratioOf = (figure: keyof Round, pairs: Pair[]): number =>
  summarize(pairs.map(({ ours, theirs }) => ours[figure] / theirs[figure])).median

const agree = (pairs: Pair[]): boolean => figures.every((figure) => Math.abs(ratioOf(figure, pairs) - 1) < 0.1)

async function withOurs(url: string, connections: number): Promise<Round> {
  // The warm-up is for the generator: wrk was compiled when it was built.
  const result = await runLoad({ url, connections, warmupS: 0.5, durationS: seconds })
  expect(result.errors).toBe(0)
  return { qps: result.achievedQps, meanMs: result.latencyMs.mean }
}

async function withWrk(url: string, connections: number): Promise<Round> {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url])
  const [, mean, unit] = /Latency\s+([\d.]+)(us|ms|s)/.exec(stdout)!
  const [, qps] = /Requests\/sec:\s+([\d.]+)/.exec(stdout)!
  return { qps: Number(qps), meanMs: Number(mean) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'] }
}
