import { expect, test } from 'vitest'
import { cryptoOperations, ecdsaSign, ecdsaVerify, operationOf, seal } from '../programs/crypto-operations.ts'
import { wrongVector, cryptoVectors } from '../programs/crypto-vectors.ts'
import { crypto } from '../scenarios/03-crypto.scenario.ts'
import { pointsOf } from '../src/sweep.ts'

test.each(cryptoVectors)('$name', ({ compute, expected }) => {
  expect(compute()).toBe(expected)
})

test('one wrong answer among the published ones is found', () => {
  const [first, ...others] = cryptoVectors
  const wrong = { ...first!, expected: 'another' }
  expect(wrongVector([...others, wrong])).toMatch(/^AES-128-GCM.*: the answer here is 42831ec2/)
  expect(wrongVector()).toBeUndefined()
})

test('a signature is of its message', () => {
  const signature = ecdsaSign(Buffer.from('hello'))
  expect(ecdsaVerify(Buffer.from('hello'), signature)).toBe(true)
  expect(ecdsaVerify(Buffer.from('hallo'), signature)).toBe(false)
})

test('what is sealed has the length of the message and a tag of 16 bytes', () => {
  const pieces = seal('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12), Buffer.alloc(1000))
  expect(pieces.map(({ length }) => length)).toEqual([1000, 0, 16])
})

test('the scenario asks for every operation, and at the sizes that they have', () => {
  const points = pointsOf(crypto)
  expect(new Set(points.map(({ inputs }) => inputs['operation']))).toEqual(new Set(cryptoOperations))
  expect(points[0].inputs).toEqual({ operation: 'aes-128-gcm', bytes: 16_384 })
  expect(points).toHaveLength(15)
})

test.each(cryptoOperations)('%s can be done again and again', (name) => {
  const run = operationOf(name, 16)
  expect(() => [1, 2, 3].forEach(run)).not.toThrow()
})
