import { checkLinearizable, type SequentialModel } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { written } from './written.ts'

const verdictOf = (text: string): string => checkLinearizable(written(text)).verdict

describe('histories that have an order', () => {
  test.each([
    ['nothing happened to a key', '0 1-2 get'],
    ['one after the other', '0 1-2 set 1\n1 3-4 get = 1\n0 5-6 delete = true\n1 7-8 get\n0 9-10 has = false'],
    ['a read that overlaps a write sees the old value', '0 1-4 set 1\n1 2-3 get'],
    ['a read that overlaps a write sees the new value', '0 1-4 set 1\n1 2-3 get = 1'],
    ['two overlapping writes, either may be the last', '0 1-4 set 1\n1 2-3 set 2\n2 5-6 get = 1'],
    ['two overlapping writes, the other one', '0 1-4 set 1\n1 2-3 set 2\n2 5-6 get = 2'],
    [
      'of two at once one finds what it expects',
      '0 1-4 compareAndSet nothing 1 = true\n1 2-3 compareAndSet nothing 2 = false',
    ],
    [
      'increments at once all count',
      '0 1-6 increment 1 = 2\n1 2-5 increment 1 = 3\n2 3-4 increment 1 = 1\n0 7-8 get = 3',
    ],
    ['what never returned had taken effect', '0 1- set 1\n1 2-3 get = 1'],
    ['what never returned had not taken effect', '0 1- set 1\n1 2-3 get\n1 4-5 get'],
    ['what never returned takes effect late', '0 1- set 1\n1 2-3 set 2\n1 4-5 get = 2\n1 6-7 get = 1'],
    ['a compare that never returned finds its value later', '0 1- compareAndSet 7 8\n1 2-3 set 7\n1 4-5 get = 8'],
    ['equal stamps count as at once', '0 1-2 set 1\n1 2-3 get'],
    [
      'a chain that must be guessed',
      '0 1-20 set 1\n1 2-19 set 2\n2 3-18 set 3\n3 4-5 get = 2\n3 6-7 get = 1\n3 8-9 get = 3',
    ],
  ])('%s', (_, text) => {
    expect(verdictOf(text)).toBe('linearizable')
  })
})

describe('histories that have none', () => {
  test.each([
    ['a lost update', '0 1-2 set 5\n0 3-6 increment 1 = 6\n1 4-5 increment 1 = 6'],
    ['a stale read', '0 1-2 set 1\n0 3-4 set 2\n1 5-6 get = 1'],
    ['a read that goes back', '0 1-8 set 1\n1 2-3 get = 1\n1 4-5 get'],
    ['a torn value, which nobody has written', '0 1-4 set 17\n1 2-5 set 18\n2 3-6 get = -1'],
    ['a deleted value that comes back', '0 1-2 set 1\n0 3-4 delete = true\n1 5-6 get\n1 7-8 get = 1'],
    ['a value read after the removal that found it', '0 1-2 set 1\n0 3-4 delete = true\n1 5-6 has = true'],
    ['a removal that finds what is removed already', '0 1-2 set 1\n0 3-4 delete = true\n1 5-6 delete = true'],
    ['a compare that succeeds twice', '0 1-4 compareAndSet nothing 1 = true\n1 2-3 compareAndSet nothing 2 = true'],
    ['a compare that fails for nothing', '0 1-2 set 1\n1 3-4 compareAndSet 1 2 = false\n0 5-6 get = 1'],
    ['two steps of one thread, swapped', '0 1-2 set 1\n0 3-4 set 2\n0 5-6 get = 1'],
    [
      'two threads that see two writes in two orders',
      '0 1-9 set 1\n1 1-9 set 2\n2 2-3 get = 1\n2 4-5 get = 2\n3 2-3 get = 2\n3 6-7 get = 1',
    ],
    ['what never returned takes effect twice', '0 1- set 1\n1 2-3 get = 1\n1 4-5 set 2\n1 6-7 get = 1'],
    ['what never returned was called too late', '0 3- set 1\n1 1-2 get = 1'],
    ['an increment that is not there', '0 1-4 increment 1 = 1\n1 2-3 increment 1 = 2\n0 5-6 get = 1'],
  ])('%s', (_, text) => {
    expect(verdictOf(text)).toBe('not-linearizable')
  })
})

test('keys are judged apart, and one that is wrong is named', () => {
  const text = '0 1-2 set 1\nb: 1 1-2 set 1\nb: 1 3-4 get = 2\n0 3-4 get = 1'
  const told = checkLinearizable(written(text))
  expect(told).toMatchObject({ verdict: 'not-linearizable', counterexample: { key: 'b' } })
  expect(checkLinearizable(written('0 1-2 set 1\nb: 1 3-4 get'))).toMatchObject({ verdict: 'linearizable', keys: 2 })
})

test('what is too hard is neither accused nor acquitted', () => {
  const writes = Array.from({ length: 16 }, (_, thread) => `${thread} ${thread}-${100 + thread} set ${thread}`)
  const hard = written([...writes, '20 200-201 get = 99'].join('\n'))
  expect(checkLinearizable(hard, undefined, { stepsMax: 1000 })).toMatchObject({
    verdict: 'unknown',
    key: 'a',
    reason: 'the search has taken all of its steps',
  })
  expect(checkLinearizable(hard, undefined, { configurationsMax: 100 })).toMatchObject({
    verdict: 'unknown',
    reason: 'more than 100 configurations are possible at once',
  })
  const dead = Array.from({ length: 40 }, (_, thread) => `${thread} ${thread}- set ${thread}`).join('\n')
  expect(checkLinearizable(written(dead))).toMatchObject({ verdict: 'unknown', reason: expect.stringContaining('31') })
  // Another key that is surely wrong decides.
  expect(checkLinearizable([...hard, ...written('b: 30 1-2 get = 1')], undefined, { stepsMax: 1000 }).verdict).toBe(
    'not-linearizable',
  )
})

test('a long history of four threads takes as many steps as it has operations, times a few', () => {
  const length = 20_000
  const lines = Array.from({ length }, (_, index) => {
    const from = index * 2 + 1
    // Each overlaps the three behind it, and takes effect in the order of the calls.
    return `${index % 4} ${from}-${from + 7} increment 1 = ${index + 1}`
  })
  const told = checkLinearizable(written(lines.join('\n')))
  expect(told).toMatchObject({ verdict: 'linearizable', operations: length })
  expect((told as { steps: number }).steps).toBeLessThan(20 * length)
})

test('a history that cannot be is refused', () => {
  expect(() => checkLinearizable(written('0 4-2 get'))).toThrow('get of thread 0 returns before its call at 4')
  expect(() => checkLinearizable(written('0 1-4 get\n0 2-3 get'))).toThrow('with a call still open')
  expect(() => checkLinearizable(written('0 1-4 rename'))).toThrow('the model has no operation rename')
  expect(() => checkLinearizable(written('0 1-4 constructor'))).toThrow('the model has no operation constructor')
  // A call that threw is over for its thread, whatever it did.
  expect(verdictOf('0 1- set 1\n0 2-3 get')).toBe('linearizable')
})

test('another object, as another table', () => {
  const register: SequentialModel<number> = {
    initial: 7,
    operations: {
      write: { result: () => undefined, next: (_, [value]) => value as number },
      read: { result: (value) => value, next: (value) => value, preserves: () => true },
    },
  }
  const told = (text: string): string => checkLinearizable(written(text), register as SequentialModel<never>).verdict
  expect(told('0 1-2 read = 7\n0 3-4 write 8\n1 5-6 read = 8')).toBe('linearizable')
  expect(told('0 1-2 read = 7\n0 3-4 write 8\n1 5-6 read = 7')).toBe('not-linearizable')
})
