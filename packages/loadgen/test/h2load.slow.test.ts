import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type LoadOptions, runLoad } from '@qps/loadgen'
import { summarize } from '@qps/stats'
import { requireProgram } from '@qps/testkit'
import { expect, test } from 'vitest'
import { grpcBody, payloadMessage } from '../src/http2/message.ts'

/*
 * h2load as the referee, in the way of `wrk.slow.test.ts`: both load the same server in turns, and the median of the ratios of
 * neighboring rounds is looked at. First servers that take their time, where the latency makes the rate; then one that works on
 * every request and is at its limit. One as fast as the generators would compare their speed instead.
 */
const h2load = requireProgram('h2load', 'apt-get install nghttp2-client')
const run = promisify(execFile)
/** As many as agree, see there. */
const rounds = { wait: { min: 1, max: 7 }, work: { min: 3, max: 9 } }
const seconds = 1
const connections = 4
const streams = 4
const payloadBytes = 64
const timeout = 120_000

interface Round {
  qps: number
  meanMs: number
}
interface Pair {
  ours: Round
  theirs: Round
}
const figures = ['qps', 'meanMs'] as const

test.skipIf(!h2load.available)('rate and mean agree with h2load within 10 %: a known latency', { timeout }, () =>
  withServer('wait', (base) => expectAgreement(rounds.wait, `${base}/`, { protocol: 'h2' }, [])),
)

test.skipIf(!h2load.available)('rate and mean agree with h2load within 10 %: node:http2', { timeout }, () =>
  withServer('work', (base) => expectAgreement(rounds.work, `${base}/`, { protocol: 'h2' }, [])),
)

test.skipIf(!h2load.available)('rate and mean agree with h2load within 10 %: gRPC', { timeout }, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'qps-h2load-'))
  const body = join(folder.path, 'body')
  await writeFile(body, grpcBody(payloadMessage(payloadBytes)))
  const asGrpc = ['-d', body, '-H', 'te: trailers', '-H', 'content-type: application/grpc']
  await withServer('wait', (base) =>
    expectAgreement(rounds.wait, `${base}/qps.v1.Workload/Echo`, { protocol: 'grpc', grpcBytes: payloadBytes }, asGrpc),
  )
})

async function withServer(mode: 'wait' | 'work', use: (base: string) => Promise<void>): Promise<void> {
  const child = fork(fileURLToPath(new URL('http2-process.ts', import.meta.url)), [mode], { execArgv: [] })
  try {
    const [port] = (await once(child, 'message')) as [number]
    await use(`http://127.0.0.1:${port}`)
  } finally {
    child.kill('SIGKILL')
  }
}

/** Rounds in turns, and a first pair that warms the server up and is dropped. */
async function expectAgreement(
  { min, max }: { min: number; max: number },
  url: string,
  options: Partial<LoadOptions>,
  argv: readonly string[],
): Promise<void> {
  const pairs: Pair[] = []
  for (let round = 0; round <= min || (round <= max && !agree(pairs.slice(1))); round++) {
    const oursFirst = round % 2 === 0 ? await withOurs(url, options) : undefined
    const theirs = await withH2load(url, argv)
    pairs.push({ ours: oursFirst ?? (await withOurs(url, options)), theirs })
  }
  for (const figure of figures) {
    expect(ratioOf(figure, pairs.slice(1)), `${figure}: ${JSON.stringify(pairs)}`).toBeGreaterThan(0.9)
    expect(ratioOf(figure, pairs.slice(1)), `${figure}: ${JSON.stringify(pairs)}`).toBeLessThan(1.1)
  }
}

/** The median of what we say, in units of what they say. */
const ratioOf = (figure: keyof Round, pairs: Pair[]): number =>
  summarize(pairs.map(({ ours, theirs }) => ours[figure] / theirs[figure])).median

const agree = (pairs: Pair[]): boolean => figures.every((figure) => Math.abs(ratioOf(figure, pairs) - 1) < 0.1)

async function withOurs(url: string, options: Partial<LoadOptions>): Promise<Round> {
  // The warm-up is for the generator: h2load was compiled when it was built.
  const load = { url, connections, pipeline: streams, warmupS: 0.5, durationS: seconds, ...options }
  const result = await runLoad(load)
  expect(result.errors).toBe(0)
  return { qps: result.achievedQps, meanMs: result.latencyMs.mean }
}

async function withH2load(url: string, argv: readonly string[]): Promise<Round> {
  const shape = ['-t1', `-c${connections}`, `-m${streams}`, '--warm-up-time=1', `-D${seconds}`]
  const { stdout } = await run('h2load', [...shape, ...argv, url])
  const [, qps] = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout)!
  const [, mean, unit] = /time for request:\s+[\d.]+\w+\s+[\d.]+\w+\s+([\d.]+)(us|ms|s)\s/.exec(stdout)!
  expect(stdout).toMatch(/ 0 failed, 0 errored, 0 timeout/)
  return { qps: Number(qps), meanMs: Number(mean) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'] }
}
