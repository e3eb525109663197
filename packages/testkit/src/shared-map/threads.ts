import { setTimeout as sleep } from 'node:timers/promises'
import type { MapKey, MapKind, MapValue, SharedMap } from '@qps/shared-map'
import { afterAll, describe, expect, test } from 'vitest'
import { MapCrew } from './crew.ts'
import { runHistory } from './histories.ts'
import { recordedKey } from './recorded-values.ts'
import { mapOf, type MapSubject, valueBytesMax } from './subject.ts'
import { gateBytes, gateFields } from './thread-job.ts'

/** Long enough for threads to meet thousands of times. */
const watchMs = 60
/** Where the machine is busy with others, until they did meet, or until then. */
const watchMsMax = 8_000

/** What threads see of each other. */
export function testThreads(subject: MapSubject): void {
  describe('threads', () => {
    const crew = new MapCrew()
    afterAll(() => crew[Symbol.asyncDispose]())

    /** Two threads write while `look` is called, again and again, for a while and until it returns true. */
    async function whileWriting(
      map: SharedMap,
      { from, keyCount }: { from: number; keyCount: number },
      look: () => boolean,
    ): Promise<void> {
      const gate = new SharedArrayBuffer(gateBytes)
      const flags = new Int32Array(gate)
      const job = { task: 'writer' as const, from, keyCount, valueBytesMax, gate }
      const writers = [1, 2].map((seed) => crew.start({ ...job, handle: map.share(), seed }))
      while (Atomics.load(flags, gateFields.arrived) < 2) await sleep(1)
      try {
        const startMs = performance.now()
        for (let isEnough = false, lookedMs = 0; lookedMs < (isEnough ? watchMs : watchMsMax);) {
          isEnough = look()
          lookedMs = performance.now() - startMs
        }
      } finally {
        Atomics.store(flags, gateFields.stop, 1)
      }
      expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([{ errors: {} }, { errors: {} }])
    }

    test('no value is torn under two writers', async () => {
      using map = mapOf(subject, { keys: 'string', values: 'bytes' })
      const key = recordedKey('string', 1)
      const seen = new Set<string>()
      await whileWriting(map, { from: 1, keyCount: 1 }, () => {
        const value = map.get(key) as Uint8Array | undefined
        if (value === undefined) return false
        if (value.some((byte) => byte !== value[0])) throw new Error(`torn: ${value.join()}`)
        seen.add(`${value[0]} ${value.length}`)
        return seen.size > 5
      })
      expect(seen.size, 'the writers were seen').toBeGreaterThan(5)
    })

    test('what nobody touches is in every iteration once, whatever others do', async () => {
      const [stable, churned] = [20, 20]
      using map = mapOf(subject, { keys: 'string', values: 'bytes' }, { capacity: 64 })
      const expected = new Map<MapKey, MapValue>()
      for (let index = 0; index < stable; index++) expected.set(recordedKey('string', index), new Uint8Array([index]))
      for (const [key, value] of expected) map.set(key, value)
      const mayBe = new Set(Array.from({ length: churned }, (_, index) => recordedKey('string', stable + index)))
      const sizes = new Set<number>()
      await whileWriting(map, { from: stable, keyCount: churned }, () => {
        const entries = [...map.entries()]
        const found = new Map(entries)
        if (found.size !== entries.length) throw new Error('a key came twice')
        for (const [key, value] of expected) expect(found.get(key)).toEqual(value)
        for (const [key, value] of entries as [string, Uint8Array][]) {
          if (!expected.has(key) && !mayBe.has(key)) throw new Error(`nobody has set ${JSON.stringify(key)}`)
          if (value.some((byte) => byte !== value[0])) throw new Error(`torn: ${value.join()}`)
        }
        sizes.add(entries.length)
        return sizes.size > 1
      })
      expect(sizes.size, 'the writers were seen').toBeGreaterThan(1)
      expect(map.size).toBe([...map.entries()].length)
    })

    test.each([
      { keys: 'string', values: 'bytes', keyCount: 4 },
      { keys: 'integer', values: 'number', keyCount: 2 },
    ] as const)('what four threads do has an order: $keys keys, $values, $keyCount of them', async (form) => {
      const { judged, remains, errors } = await runHistory(crew, { kind: kindOf(subject), ...form, seed: 1 })
      expect(judged.verdict === 'not-linearizable' ? judged.text : judged.verdict).toBe('linearizable')
      expect({ remains, errors }).toEqual({ remains: [], errors: {} })
    })

    test('a thread that dies anywhere leaves a map that others go on with', async () => {
      const plan = { values: 'bytes', keyCount: 8, kills: 1, operations: 8000, seed: 3 } as const
      const { judged, remains } = await runHistory(crew, { kind: kindOf(subject), ...plan })
      expect(judged.verdict === 'not-linearizable' ? judged.text : judged.verdict).toBe('linearizable')
      expect(remains).toEqual([])
    })
  })
}

function kindOf(subject: MapSubject): MapKind {
  using map = mapOf(subject, { keys: 'string', values: 'number' })
  return map.kind
}
