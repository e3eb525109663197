import type { IncomingMessage } from 'node:http'
import { addressKey, echoType, isLoopback, isValidHost, routePath } from '@qps/http'
import { type Request, RequestParser, type Response, Router } from '@qps/http1'
import { expect, test } from 'vitest'

const kibibyte = 1024

/** The least of several runs: what the code costs when nothing disturbs it. */
function bestMs(run: () => void, repeats: number): number {
  let best = Infinity
  const endMs = performance.now() + 10
  for (let round = 0; round < 3 || (round < 15 && performance.now() < endMs); round++) {
    const startMs = performance.now()
    for (let repeat = 0; repeat < repeats; repeat++) run()
    best = Math.min(best, performance.now() - startMs)
  }
  return best
}

/** Long enough for the clock; so short that a run is seldom interrupted, whoever else uses the core. */
const runMs = 0.25

const typed = (type: string): IncomingMessage => ({ headers: { 'content-type': type } }) as unknown as IncomingMessage

/** Room for what is tried: what limits refuse is not slow. */
const http1 = new RequestParser({
  headerBytesMax: 1024 * kibibyte,
  headerFieldsMax: 100_000,
  bodyBytesMax: 1024 * kibibyte,
})

/** A whole request, in pieces: each look at a head goes on where the one before has stopped. */
function parseRequest(text: string): unknown {
  const bytes = Buffer.from(text, 'latin1')
  const step = Math.max(1, Math.floor(bytes.length / 64))
  http1.reset()
  let end = step
  while (http1.parseHead(bytes, 0, Math.min(end, bytes.length)) === 0 && end < bytes.length) end += step
  let at = http1.headEnd
  while (at < bytes.length && http1.failure === undefined && !http1.bodyComplete) {
    at = http1.readBody(bytes, at, Math.min(bytes.length, at + step))
  }
  return http1.failure
}

const handler = (): void => {}
const router = new Router().get('/:a', handler).get('/a/:b/a/:c', handler)
const unanswered = { writeHead: () => unanswered, end: handler } as unknown as Response
const route = (path: string): unknown => router.handler({ path, methodIndex: 0 } as unknown as Request, unanswered)

const chunkedHead = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

const parsers: readonly (readonly [
  name: string,
  parse: (input: string) => unknown,
  worst: readonly ((size: number) => string)[],
])[] = [
  [
    'the Host check',
    isValidHost,
    [(size) => 'a'.repeat(size), (size) => `[${':'.repeat(size)}`, (size) => `a:${'1'.repeat(size)}`],
  ],
  [
    'the path of a target',
    routePath,
    [(size) => '/'.repeat(size), (size) => `http://${'a'.repeat(size)}`, (size) => `x${'://'.repeat(size / 3)}`],
  ],
  ['the address key', addressKey, [(size) => ':'.repeat(size), (size) => 'a:'.repeat(size / 2)]],
  ['the loopback check', isLoopback, [(size) => '127.'.repeat(size / 4), (size) => `[${':'.repeat(size)}`]],
  [
    'the type of an echo',
    (type) => echoType(typed(type)),
    [
      (size) => 'a'.repeat(size),
      (size) => `a/b${' '.repeat(size)}x`,
      (size) => `a/${'b'.repeat(size)} `,
      (size) => '/'.repeat(size),
    ],
  ],
  [
    'the parser of http1',
    parseRequest,
    [
      (size) => `GET /${'a'.repeat(size)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      (size) => `GET / HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(size / 6)}\r\n`,
      (size) => `GET / HTTP/1.1\r\nHost: a\r\nX:${' '.repeat(size)}\r\n\r\n`,
      (size) => `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${'a,'.repeat(size / 2)}\r\n\r\n`,
      (size) => '\r\n'.repeat(size / 2),
      (size) => `${chunkedHead}${'1\r\na\r\n'.repeat(size / 6)}0\r\n\r\n`,
      (size) => `${chunkedHead}1;${'a=b;'.repeat(size / 4)}a\r\na\r\n0\r\n\r\n`,
      (size) => `${chunkedHead}0\r\n${'a: b\r\n'.repeat(size / 6)}\r\n`,
    ],
  ],
  [
    'the router of http1',
    route,
    [(size) => '/a'.repeat(size / 2), (size) => '/'.repeat(size), (size) => `/${'%61'.repeat(size / 3)}`],
  ],
]

/** Runs it until it is as fast as it gets: what is interpreted at first would hide how it grows. */
function compile(parse: (input: string) => unknown, ...inputs: readonly string[]): void {
  const startMs = performance.now()
  for (let runs = 0; runs < 10 || performance.now() - startMs < 20; runs++) for (const input of inputs) parse(input)
}

/** How much longer twice the input takes, by the least times of several tries: others may use the machine as well. */
function growth(parse: (input: string) => unknown, once: string, twice: string): number {
  compile(parse, once, twice)
  const repeats = Math.min(
    1_000,
    Math.ceil(
      runMs /
        Math.max(
          0.001,
          bestMs(() => parse(once), 1),
        ),
    ),
  )
  let onceMs = Infinity
  let twiceMs = Infinity
  for (let attempt = 0; attempt < 3 || (attempt < 30 && twiceMs >= 2.5 * onceMs); attempt++) {
    onceMs = Math.min(
      onceMs,
      bestMs(() => parse(once), repeats),
    )
    twiceMs = Math.min(
      twiceMs,
      bestMs(() => parse(twice), repeats),
    )
  }
  // Below this a clock reading is a good part of what is measured.
  return twiceMs / Math.max(onceMs, 0.02)
}

test.each(parsers)('%s is linear: twice the input takes less than 2.5 times the time', (_name, parse, worst) => {
  for (const input of worst) expect(growth(parse, input(64 * kibibyte), input(128 * kibibyte))).toBeLessThan(2.5)
})

test('the growth of a quadratic parser would be noticed', () => {
  const quadratic = (input: string): number => {
    let pairs = 0
    for (let left = 0; left < input.length / 256; left++) {
      for (let right = 0; right < input.length / 256; right++) if (input[left] === input[right]) pairs++
    }
    return pairs
  }
  expect(growth(quadratic, 'a'.repeat(64 * kibibyte), 'a'.repeat(128 * kibibyte))).toBeGreaterThan(2.5)
})
