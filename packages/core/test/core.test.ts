import { readFileSync } from 'node:fs'
import * as core from '@qps/core'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'InvariantError',
    'ManualClock',
    'QpsError',
    'checkInteger',
    'checkNumber',
    'describe',
    'didYouMean',
    'exponential',
    'invariant',
    'messageOf',
    'nearest',
    'seededRandom',
    'siblingModule',
    'systemClock',
    'systemErrorCode',
  ])
})

test("the README's example does what it says", async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const source = /```ts\n(.*?)```/s.exec(readme)![1]!
  const body = source.replace(/^import (.*) from '@qps\/core'$/m, 'const $1 = core')
  const printed: string[] = []
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- the example is the project's own text
  const run = new Function('core', 'console', `return (async () => {${body}})()`)
  await run(core, { log: (...words: unknown[]) => printed.push(words.join(' ')) })
  expect(printed).toEqual([...source.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!))
})
