import {
  extractGrpc,
  extractHttp,
  extractMessage,
  parseTraceBytes,
  parseTraceparent,
  parseTracestate,
  traceLimits,
} from '@qps/context'
import { expect, test } from 'vitest'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

type Parse = (input: string) => unknown

/** Each with the longest input that it looks at, and inputs of any size that keep it busy. */
const parsers: readonly (readonly [
  name: string,
  parse: Parse,
  lengthMax: number,
  worst: readonly ((size: number) => string)[],
])[] = [
  [
    'a tracestate',
    parseTracestate,
    traceLimits.stateInputLengthMax,
    [
      (size) => ','.repeat(size),
      (size) => ' \t'.repeat(size / 2),
      (size) => `a=1${' '.repeat(size - 4)}b`,
      (size) => 'a'.repeat(size),
      (size) => `a=${' '.repeat(size - 2)}`,
      (size) => `${' '.repeat(size / 64)},`.repeat(63),
    ],
  ],
  [
    'a traceparent',
    parseTraceparent,
    traceLimits.traceparentLengthMax,
    [
      (size) => ' '.repeat(size),
      (size) => `01${traceparent.slice(2)}-${'-'.repeat(size - traceparent.length - 1)}`,
      (size) => `${' '.repeat(size / 4)}${traceparent}${' '.repeat(size / 4)}`,
    ],
  ],
]

/** The least of several runs: what the code costs when nothing disturbs it. */
function bestMs(parse: Parse, input: string): number {
  let best = Infinity
  for (let round = 0; round < 20; round++) {
    const startMs = performance.now()
    for (let repeat = 0; repeat < 20; repeat++) parse(input)
    best = Math.min(best, performance.now() - startMs)
  }
  return best
}

test.each(parsers)(
  'S13 slow parsing: %s, twice as long, takes less than 2.5 times the time',
  (_, parse, lengthMax, worst) => {
    for (const input of worst) {
      const [once, twice] = [input(lengthMax / 2), input(lengthMax)]
      expect(twice.length).toBeLessThanOrEqual(lengthMax)
      let growth = Infinity
      for (let attempt = 0; attempt < 12 && growth >= 2.5; attempt++) {
        growth = bestMs(parse, twice) / Math.max(bestMs(parse, once), 0.02)
      }
      expect(growth).toBeLessThan(2.5)
    }
  },
)

test('S13 slow parsing: what is longer than anybody sends is not looked at', () => {
  const long = 16 * 1024 * 1024
  const startMs = performance.now()
  for (let repeat = 0; repeat < 100; repeat++) {
    expect(parseTracestate(',a=1'.repeat(8).padEnd(long, ',')).size).toBe(0)
    expect(parseTraceparent(traceparent.padEnd(long))).toBeUndefined()
    expect(parseTraceBytes(new Uint8Array(1024 * 1024))).toBeUndefined()
    const fields = {
      traceparent,
      tracestate: 'a=1',
      'x-request-timeout-ms': '1'.repeat(10_000),
      'grpc-timeout': '1'.repeat(10_000),
    }
    for (const context of [extractHttp(fields), extractGrpc({ ...fields, 'grpc-trace-bin': 'A'.repeat(10_000) })]) {
      expect(context.deadlineMs).toBe(Infinity)
    }
    const message = extractMessage({ traceparent, tracestate: new Uint8Array(1024 * 1024).fill(0x2c) })
    expect(message.trace!.state.size).toBe(0)
  }
  expect(performance.now() - startMs).toBeLessThan(20_000)
})
