import type { IncomingMessage } from 'node:http'
import { addressKey, echoType, isLoopback, isValidHost, routePath } from '@qps/http'
import { expect, test } from 'vitest'

const kibibyte = 1024

/** The least of several runs: what the code costs when nothing disturbs it. */
function bestMs(run: () => void): number {
  let best = Infinity
  for (let round = 0; round < 15; round++) {
    const startMs = performance.now()
    for (let repeat = 0; repeat < 20; repeat++) run()
    best = Math.min(best, performance.now() - startMs)
  }
  return best
}

const typed = (type: string): IncomingMessage => ({ headers: { 'content-type': type } }) as unknown as IncomingMessage

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
]

/** How much longer twice the input takes, by the least times of several tries: others may use the machine as well. */
function growth(parse: (input: string) => unknown, once: string, twice: string): number {
  let onceMs = Infinity
  let twiceMs = Infinity
  for (let attempt = 0; attempt < 3 || (attempt < 12 && twiceMs >= 2.5 * onceMs); attempt++) {
    onceMs = Math.min(
      onceMs,
      bestMs(() => parse(once)),
    )
    twiceMs = Math.min(
      twiceMs,
      bestMs(() => parse(twice)),
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
