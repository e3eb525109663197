import { seededRandom } from '@qps/core'
import { createSharedMap, type KeyForm, type MapKey, type MapKind } from '@qps/shared-map'
import { describe, expect, test } from 'vitest'

/*
 * Keys that would share a place in a map whose hash is known cost no more than others, since ours is not known: it has a secret
 * of each map's own.
 */
const keyCount = 100_000
/** Operations that are timed together: one alone is shorter than a look at the clock. */
const batch = 16
const ratioMax = 4
/** One with a single index, and one with many: the others have the same hash and the same search. */
const kinds: readonly MapKind[] = ['snapshot', 'optimistic']

const numbered = <T>(make: (index: number) => T): T[] => Array.from({ length: keyCount }, (_, index) => make(index))

/** The inverse of 2^32 divided by the golden ratio, modulo 2^32: its products with small numbers have only zeros above. */
const inverseOfGolden = 0x144c_bc89

/** For each a reason why a careless hash puts them together. */
const hostile: readonly (readonly [what: string, form: KeyForm, keys: () => MapKey[]])[] = [
  ['the same polynomial in 31, as in Java', 'string', () => numbered(pairs)],
  ['the same low eight bits of FNV-1a', 'string', () => fnvAlike(8)],
  [
    'a long prefix in common',
    'string',
    () => numbered((index) => `${'p'.repeat(56)}${String(index).padStart(6, '0')}`),
  ],
  [
    'a long ending in common',
    'string',
    () => numbered((index) => `${String(index).padStart(6, '0')}${'p'.repeat(56)}`),
  ],
  ['characters whose low bytes are zero', 'string', () => numbered((index) => wide(index))],
  ['equal lower halves', 'integer', () => numbered((index) => index * 2 ** 32)],
  ['equal low 17 bits', 'integer', () => numbered((index) => index * 2 ** 17)],
  ['one after the other', 'integer', () => numbered((index) => index)],
  ['one after the other, below zero', 'integer', () => numbered((index) => -index - 1)],
  [
    'equal upper bits after a product with the golden ratio',
    'integer',
    () => numbered((index) => Math.imul(index, inverseOfGolden) >>> 0),
  ],
]

/** Seventeen of two pairs of letters that have the same sum `31 a + b`. */
function pairs(index: number): string {
  return Array.from({ length: 17 }, (_, bit) => ((index >>> bit) & 1 ? 'Aa' : 'BB')).join('')
}

function wide(index: number): string {
  return Array.from({ length: 3 }, (_, place) => String.fromCharCode(((index >>> (6 * place)) % 64) * 256 + 256)).join(
    '',
  )
}

function fnvAlike(bits: number): string[] {
  const found: string[] = []
  for (let index = 0; found.length < keyCount; index++) {
    const key = index.toString(36)
    if ((fnv(key) & ((1 << bits) - 1)) === 0) found.push(key)
  }
  return found
}

function fnv(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}

const random = seededRandom(18)
const harmless: Readonly<Record<KeyForm, MapKey[]>> = {
  string: numbered((index) => `${index}-${random().toString(36)}`),
  integer: numbered((index) => Math.floor(random() * 2 ** 36) * 2 ** 17 + index),
}

interface Subject extends Disposable {
  set(key: MapKey, value: number): void
  get(key: MapKey): unknown
}

const ours = (kind: MapKind, keys: KeyForm) => (): Subject =>
  createSharedMap({ kind, keys, values: 'number', capacity: keyCount }) as unknown as Subject

/** The p99 of setting and getting these keys in a new map, a batch at a time, milliseconds. */
function p99Ms(create: () => Subject, given: readonly MapKey[]): number {
  using map = create()
  const times: number[] = []
  for (const use of [(key: MapKey) => map.set(key, 1), (key: MapKey) => map.get(key)]) {
    for (let at = 0; at < given.length; at += batch) {
      const startMs = performance.now()
      for (const key of given.slice(at, at + batch)) use(key)
      times.push(performance.now() - startMs)
    }
  }
  return times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)]!
}

/** How much longer these keys take than random ones, by the least of several tries: others may use the machine as well. */
function ratioOf(create: () => Subject, keys: readonly MapKey[], random: readonly MapKey[], triesMin = 1): number {
  let [mine, others] = [Infinity, Infinity]
  for (let attempt = 0; attempt < triesMin || (attempt < 8 && mine > ratioMax * others); attempt++) {
    mine = Math.min(mine, p99Ms(create, keys))
    others = Math.min(others, p99Ms(create, random))
  }
  return mine / others
}

describe.each(hostile)('100,000 keys with %s', (_, form, make) => {
  const keys = make()

  test('are that many', () => {
    expect(new Set(keys).size).toBe(keyCount)
  })

  test.each(kinds)('have a p99 of at most four times that of random ones: %s', (kind) => {
    expect(ratioOf(ours(kind, form), keys, harmless[form])).toBeLessThanOrEqual(ratioMax)
  })
})

test.each(['sharded', 'optimistic'] as const)('each map has a secret of its own: %s', (kind) => {
  const orders = [undefined, undefined, seededRandom(1), seededRandom(1), seededRandom(2)].map((secret) => {
    using map = createSharedMap({
      kind,
      keys: 'string',
      values: 'number',
      capacity: 200,
      ...(secret && { random: secret }),
    })
    for (let index = 0; index < 200; index++) map.set(`key ${index}`, index)
    return JSON.stringify([...map.entries()])
  })
  const [first, second, seeded, alike, other] = orders
  expect(second).not.toBe(first)
  expect(alike).toBe(seeded)
  expect(other).not.toBe(seeded)
})

test('a map whose hash is known would be noticed', () => {
  const create = (): Subject => {
    const chains = Array.from({ length: 256 }, (): MapKey[] => [])
    const chainOf = (key: MapKey): MapKey[] => chains[fnv(key as string) & 255]!
    return {
      set: (key) => void (chainOf(key).includes(key) || chainOf(key).push(key)),
      get: (key) => chainOf(key).includes(key),
      [Symbol.dispose]: () => {},
    }
  }
  const [colliding] = hostile.flatMap(([what, , make]) => (what.includes('FNV') ? [make()] : []))
  expect(ratioOf(create, colliding!.slice(0, 3000), harmless.string.slice(0, 3000), 5)).toBeGreaterThan(ratioMax)
})
