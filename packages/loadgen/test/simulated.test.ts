import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock, seededRandom } from '@qps/core'
import { expect, test } from 'vitest'
import { ClosedLoop } from '../src/closed-loop.ts'
import { Http1Connection, type Http1Context } from '../src/http1-connection.ts'
import type { Loop } from '../src/loop.ts'
import { OpenLoop } from '../src/open-loop.ts'
import { Recorder } from '../src/recorder.ts'
import { RequestCycle } from '../src/request-cycle.ts'
import type { Transport } from '../src/transport.ts'

/*
 * The generator over a simulated transport, on a clock that is moved by hand: here a latency is exact, so that what the
 * generator itself adds or hides shows to the microsecond. `trust.slow.test.ts` holds the same claim over real sockets,
 * where the machine has a say.
 */

/** Milliseconds from a request's arrival at the server to its answer. */
type Law = (nowMs: number) => number

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')

/** A server at no distance. A write of n bytes is n requests; answers keep their order, as HTTP/1.1 does. */
function simulated(clock: ManualClock, law: Law): Transport {
  return {
    name: 'simulated',
    connect: (_target, handler) => {
      let closed = false
      let lastMs = 0
      clock.after(0, () => handler.onConnect())
      return {
        write(bytes) {
          for (let request = 0; request < bytes.length; request++) {
            lastMs = Math.max(lastMs, clock.nowMs() + law(clock.nowMs()))
            clock.after(lastMs - clock.nowMs(), () => closed || handler.onData(answer, 0, answer.length))
          }
        },
        writeCopy: () => expect.unreachable('HTTP/1.1 lends what it writes'),
        close: () => (closed = true),
      }
    },
  }
}

interface Simulation {
  kind: 'closed' | 'open'
  law: Law
  connections: number
  pipeline?: number
  rateQps?: number
  durationMs: number
}

async function simulate(options: Simulation): Promise<{ p50: number; p99: number; count: number; errors: number }> {
  const { kind, law, connections, pipeline = 1, rateQps = 1000, durationMs } = options
  const clock = new ManualClock()
  const recorder = new Recorder(kind)
  const loop: Loop =
    kind === 'closed'
      ? new ClosedLoop()
      : new OpenLoop({ rateQps, phaseMs: 0, connections, queueMax: 10_000 }, recorder, clock)
  const context: Http1Context = {
    clock,
    recorder,
    loop,
    pipeline,
    transport: simulated(clock, law),
    target: { address: '127.0.0.1', port: 1 },
    method: 'GET',
    requests: new RequestCycle(
      { protocol: 'h1', method: 'GET', bytes: new Uint8Array(1), starts: Uint32Array.of(0) },
      pipeline,
    ),
    lengthVaries: false,
    expected: { bodyBytes: -1 },
    peer: { streamsMax: Infinity },
  }
  const owner = { opened: () => {}, ended: () => {} }
  const team = Array.from({ length: connections }, () => new Http1Connection(context, owner))
  for (const connection of team) connection.connect()
  clock.advance(1)
  const endMs = clock.nowMs() + durationMs
  recorder.windowStartMs = clock.nowMs()
  recorder.windowEndMs = endMs
  loop.begin(clock.nowMs(), endMs)
  for (const connection of team) loop.available(connection, clock.nowMs())
  while (clock.nowMs() < endMs) {
    clock.advance(0.01)
    // An open loop looks at the clock once per turn of the event loop.
    if (kind === 'open') await turn()
  }
  loop.stop(clock.nowMs())
  clock.advance(5000)
  const { latencyUs, errorCount } = recorder
  const ms = (ratio: number): number => latencyUs.percentile(ratio) / 1000
  return { p50: ms(0.5), p99: ms(0.99), count: latencyUs.count, errors: errorCount }
}

function expectWithin50us(seen: { p50: number; p99: number; errors: number }, p50: number, p99: number): void {
  expect(seen.errors).toBe(0)
  expect(Math.abs(seen.p50 - p50), `p50 ${seen.p50}, expected ${p50}`).toBeLessThanOrEqual(0.05)
  expect(Math.abs(seen.p99 - p99), `p99 ${seen.p99}, expected ${p99}`).toBeLessThanOrEqual(0.05)
}

const constant: Law = () => 0.2

test.each([
  ['closed', { connections: 4 }],
  ['closed', { connections: 4, pipeline: 8 }],
  ['open', { connections: 4 }],
  ['open', { connections: 1, pipeline: 8 }],
] as const)('a constant 200 µs is seen within 50 µs: %s loop, %j', async (kind, options) => {
  const seen = await simulate({ kind, law: constant, durationMs: 300, ...options })
  expectWithin50us(seen, 0.2, 0.2)
  expect(seen.count).toBeGreaterThan(250)
})

test.each(['closed', 'open'] as const)('both modes of a bimodal law are seen within 50 µs: %s loop', async (kind) => {
  const random = seededRandom(1)
  const seen = await simulate({ kind, law: () => (random() < 0.05 ? 0.9 : 0.1), connections: 8, durationMs: 600 })
  expectWithin50us(seen, 0.1, 0.9)
})

// The server answers nothing for 100 ms of one second. A thousand arrivals a second: a tenth of them come into the stall
// and wait for what is left of it, so that the 99th percentile is nine tenths of 100 ms.
test.each([1, 16])('an open loop sees a stall as all who would have met it: %i connections', async (connections) => {
  const stall: Law = (nowMs) => (nowMs >= 500 && nowMs < 600 ? 600 - nowMs : 0) + 0.02
  const seen = await simulate({ kind: 'open', law: stall, connections, pipeline: 1, durationMs: 1000 })
  expect(seen.p50).toBeLessThan(0.1)
  expect(Math.abs(seen.p99 - 90)).toBeLessThanOrEqual(1.1)
})

test('a closed loop cannot see it so, which is why there is an open one', async () => {
  const stall: Law = (nowMs) => (nowMs >= 500 && nowMs < 600 ? 600 - nowMs : 0) + 0.02
  const seen = await simulate({ kind: 'closed', law: stall, connections: 1, durationMs: 1000 })
  expect(seen.p99).toBeLessThan(0.1)
})
