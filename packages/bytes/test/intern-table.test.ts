import { InternTable, internDefaults, keyedHash, latin1Text, writeDecimal } from '@qps/bytes'
import { QpsError, seededRandom } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocatedBytes, noObject } from './allocated-bytes.ts'

const seed = [1, 2] as const
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const ask = (table: InternTable, text: string): string => {
  const bytes = bytesOf(text)
  return table.get(bytes, 0, bytes.length)
}

describe('a table', () => {
  test('returns the text of the bytes, whatever was asked before, and stays within its bounds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\xff'), maxLength: 6 })
    const options = fc.record({
      entriesMax: fc.integer({ min: 1, max: 12 }),
      bytesMax: fc.integer({ min: 1, max: 40 }),
      keyBytesMax: fc.integer({ min: 1, max: 6 }),
      whenFull: fc.constantFrom('clock' as const, 'decode' as const),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 200 }), options, (steps, options) => {
        const table = new InternTable({ ...options, seed })
        let asked = 0
        for (const [text, adds] of steps) {
          if (adds) table.add(text)
          else {
            // In the middle of other bytes, which are no part of the key.
            const bytes = bytesOf(`a${text}b`)
            expect(table.get(bytes, 1, bytes.length - 1)).toBe(text)
            if (text !== '') asked++
          }
          const { entries, bytes, hits, misses } = table.stats()
          expect(entries).toBeLessThanOrEqual(options.entriesMax)
          expect(bytes).toBeLessThanOrEqual(options.bytesMax)
          expect(bytes).toBeGreaterThanOrEqual(entries)
          expect(hits + misses).toBe(asked)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('counts what it does', () => {
    const table = new InternTable({ entriesMax: 2, keyBytesMax: 4, whenFull: 'decode', seed })
    for (const text of ['GET', 'GET', 'host', 'PUT', 'PUT', 'GET', 'longer', '']) ask(table, text)
    expect(table.stats()).toEqual({ hits: 2, misses: 5, refused: 2, tooLong: 1, evictions: 0, entries: 2, bytes: 7 })
    table.clear()
    expect(table.stats()).toMatchObject({ hits: 2, misses: 5, entries: 0, bytes: 0 })
    expect([ask(table, 'PUT'), ask(table, 'PUT'), table.stats().hits]).toEqual(['PUT', 'PUT', 3])
  })

  test('knows what it was told before', () => {
    const table = new InternTable({ keyBytesMax: 8, seed })
    expect(['host', 'host', '', 'much too long'].map((text) => table.add(text))).toEqual([true, true, false, false])
    expect(() => table.add('\u0100')).toThrow(expect.objectContaining({ code: 'QPS_BYTES_LATIN1' }))
    expect([ask(table, 'host'), table.stats().hits, table.stats().misses, table.stats().entries]).toEqual([
      'host',
      1,
      0,
      1,
    ])
  })

  test('makes no string for what it has', () => {
    const table = new InternTable()
    const bytes = bytesOf('GET /items/42 content-length: 18')
    let characters = 0
    const interned = allocatedBytes(() => {
      characters += table.get(bytes, 0, 3).length + table.get(bytes, 4, 13).length + table.get(bytes, 14, 28).length
    })
    const decoded = allocatedBytes(() => {
      characters += latin1Text(bytes, 0, 3).length + latin1Text(bytes, 4, 13).length + latin1Text(bytes, 14, 28).length
    })
    expect(characters % 26).toBe(0)
    expect(table.stats()).toMatchObject({ misses: 3, entries: 3 })
    expect(decoded).toBeGreaterThan(3 * 16)
    expect(interned).toBeLessThan(noObject)
  })

  test('has a seed of its own unless it is given one, and takes it from the random that it is given', () => {
    const drawn: number[] = []
    const random = seededRandom(7)
    new InternTable({ random: () => drawn[drawn.push(random()) - 1]! })
    expect(drawn.length).toBe(2)
    new InternTable({ seed, random: () => expect.unreachable() })
    // Which of the old strings are still there depends on the seed alone.
    const survivorsOf = (): number => {
      const table = new InternTable({ entriesMax: 64 })
      for (let index = 0; index < 256; index++) ask(table, `key ${index}`)
      for (let index = 255; index >= 0; index--) ask(table, `key ${index}`)
      return table.stats().hits
    }
    expect(new Set(Array.from({ length: 20 }, survivorsOf)).size).toBeGreaterThan(1)
  })

  test('tells keys of the same hash apart', () => {
    const bytes = new Uint8Array(6)
    const byHash = new Map<number, number>()
    const pairs: [number, number][] = []
    for (let key = 100_000; key < 400_000; key++) {
      const hash = keyedHash(bytes, 0, writeDecimal(bytes, 0, key), ...seed)
      const other = byHash.get(hash)
      if (other === undefined) byHash.set(hash, key)
      else pairs.push([other, key])
    }
    // About ten in so many hashes of 32 bits.
    expect(pairs.length).toBeGreaterThan(0)
    for (const pair of pairs) {
      const table = new InternTable({ seed })
      const texts = pair.map(String)
      for (const text of [...texts, ...texts]) expect(ask(table, text)).toBe(text)
      expect(table.stats()).toMatchObject({ hits: 2, misses: 2, entries: 2 })
    }
  })

  test('refuses options out of their range', () => {
    const bad = [
      { entriesMax: 0 },
      { bytesMax: 0 },
      { keyBytesMax: 4097 },
      { entriesMax: 2 ** 21 },
      { whenFull: 'grow' as 'clock' },
    ]
    for (const options of bad) {
      expect(() => new InternTable(options)).toThrow(expect.objectContaining({ code: 'QPS_OPTION' }))
      expect(() => new InternTable(options)).toThrow(QpsError)
    }
    expect(internDefaults.whenFull).toBe('clock')
  })
})

/** Asks for `hot` strings again and again while others come once. @returns the share of hits among the hot ones. */
function hitsUnderFlood(table: InternTable, coldPerRound: number, rounds: number): number {
  const hot = Array.from({ length: 64 }, (_, index) => bytesOf(`/items/${index}`))
  const cold = new Uint8Array(24)
  let hits = 0
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < coldPerRound; index++) {
      table.get(cold, 0, writeDecimal(cold, 0, 1e9 + round * coldPerRound + index))
    }
    const before = table.stats().hits
    for (const bytes of hot) table.get(bytes, 0, bytes.length)
    hits += table.stats().hits - before
  }
  return hits / (rounds * hot.length)
}

describe('a flood of strings that come once', () => {
  test('does not drive out those in use, with the clock', () => {
    const table = new InternTable({ entriesMax: 256, seed })
    expect(hitsUnderFlood(table, 50, 2000)).toBeGreaterThan(0.98)
    expect(table.stats().evictions).toBeGreaterThan(90_000)
  })

  test('keeps them out for good without it', () => {
    const table = new InternTable({ entriesMax: 256, whenFull: 'decode', seed })
    expect(hitsUnderFlood(table, 300, 100)).toBe(0)
    expect(table.stats()).toMatchObject({ entries: 256, evictions: 0 })
  })
})

describe('a hundred thousand hostile keys (row S18)', () => {
  const slots = 64
  /** Numbers whose text has its home in the first slot, for whoever knows the seed. */
  function hostileKeys(): Uint32Array {
    const found = new Uint32Array(100_000)
    const bytes = new Uint8Array(12)
    let count = 0
    for (let key = 0; count < found.length; key++) {
      if ((keyedHash(bytes, 0, writeDecimal(bytes, 0, key), ...seed) & (slots - 1)) === 0) found[count++] = key
    }
    return found
  }
  const hostile = hostileKeys()
  const random = seededRandom(3)
  const harmless = Uint32Array.from(hostile, () => random() * 2 ** 23)
  const text = new Uint8Array(12)
  const send = (table: InternTable, keys: Uint32Array): void => {
    for (const key of keys) table.get(text, 0, writeDecimal(text, 0, key))
  }

  test('get eight slots and no more where the seed is known, and those elsewhere stay', () => {
    const table = new InternTable({ entriesMax: slots / 2, seed })
    const elsewhere = ['GET', 'POST', 'host', 'accept'].filter((text) => {
      const home = keyedHash(bytesOf(text), 0, text.length, ...seed) & (slots - 1)
      return home >= 8 && home < slots - 8
    })
    expect(elsewhere.length).toBeGreaterThan(0)
    for (const text of elsewhere) table.add(text)
    send(table, hostile)
    expect(table.stats()).toMatchObject({ hits: 0, entries: elsewhere.length + 8 })
    for (const text of elsewhere) ask(table, text)
    expect(table.stats().hits).toBe(elsewhere.length)
  })

  test('are keys like others where it is not', () => {
    const table = new InternTable({ entriesMax: slots / 2, seed: [1, 3] })
    send(table, hostile)
    expect(table.stats().entries).toBe(slots / 2)
  })

  test('cost at most four times as much as random ones, even where the seed is known', () => {
    /** CPU time of this thread: what else runs on the machine is not in it. */
    const costUs = (keys: Uint32Array): number => {
      const table = new InternTable({ entriesMax: slots / 2, seed })
      const before = process.threadCpuUsage()
      send(table, keys)
      const { user, system } = process.threadCpuUsage(before)
      return user + system
    }
    costUs(harmless)
    let [hostileUs, harmlessUs] = [Infinity, Infinity]
    for (let round = 0; round < 5; round++) {
      hostileUs = Math.min(hostileUs, costUs(hostile))
      harmlessUs = Math.min(harmlessUs, costUs(harmless))
    }
    expect(hostileUs).toBeLessThan(4 * harmlessUs)
  })
})
