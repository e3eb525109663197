import { checkLinearizable, type Linearizability } from '@qps/testkit'
import { expect, test } from 'vitest'
import { written } from './written.ts'

function accused(text: string): Extract<Linearizability, { verdict: 'not-linearizable' }> {
  const told = checkLinearizable(written(text))
  if (told.verdict !== 'not-linearizable') throw new Error(`it is ${told.verdict}`)
  return told
}

test('it is drawn as intervals', () => {
  const { text } = accused('0 1-2 set 1\n0 3-6 set 2\n1 4-7 get = 2\n2 8-9 get = 1')
  expect(`\n${text}`).toBe(`
key "a": no order explains what follows
thread 0  ├─┤          set(1)
thread 0      ├─┤      set(2)
          from here on, where it is 2
thread 2          ├─┤  get() → 1  ← nothing is possible any more`)
})

test('what happened long before is not in it', () => {
  const before = Array.from({ length: 500 }, (_, index) => `0 ${2 * index}-${2 * index + 1} set ${index}`)
  const { counterexample } = accused(`${before.join('\n')}\n1 2000-2001 get = 7\n1 2002-2003 get = 8`)
  expect(counterexample.states).toEqual([499])
  expect(counterexample.operations).toHaveLength(1)
})

test('what only looks is left out, what writes is not', () => {
  const looks = Array.from({ length: 20 }, (_, index) => `${5 + index} 2-40 get`)
  const { counterexample } = accused(`0 1-50 set 1\n1 3-49 set 2\n${looks.join('\n')}\n2 51-52 get = 3`)
  expect(counterexample.operations.map(({ name }) => name)).toEqual(['get'])
  expect(new Set(counterexample.states)).toEqual(new Set([1, 2]))
  const lost = accused(`0 1-50 increment 1 = 1\n1 3-49 increment 1 = 1\n${looks.join('\n')}\n2 51-52 get = 1`)
  expect(lost.counterexample).toMatchObject({
    states: [1],
    story: [{ thread: 1, name: 'increment' }],
    operations: [{ thread: 0, name: 'increment', output: 1 }],
  })
})

test('what is pending is drawn without an end', () => {
  const { text } = accused('0 1- set 1\n1 2-3 get = 1\n1 4-5 set 2\n1 6-7 get = 1')
  expect(text).toContain('set(1) → ?')
  expect(text).toMatch(/thread 0 {2}├─+ set\(1\)/)
})

test('of very many the last ones are drawn', () => {
  // Each overlaps the one behind it, so there is never an instant without an open write.
  const chain = Array.from(
    { length: 200 },
    (_, index) => `${index} ${2 * index}-${2 * index + 3} increment 1 = ${index + 1}`,
  )
  const { text, counterexample } = accused(`${chain.join('\n')}\n500 350-352 increment 1 = 7`)
  expect(counterexample.operations.length).toBeGreaterThan(0)
  expect(text.split('\n').length).toBeLessThanOrEqual(46)
})
