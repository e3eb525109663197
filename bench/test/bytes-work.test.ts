import { headComplete, RequestParser } from '@qps/http1'
import { describe, expect, test } from 'vitest'
import { bytesWork, head, tasks } from '../programs/bytes-work.ts'
import { socketWork } from '../programs/socket-work.ts'
import { bytes } from '../scenarios/04-bytes.scenario.ts'
import { pointsOf } from '../src/sweep.ts'

test.each(['head', 'names', 'number'] as const)('both ways of %s come to the same', async (task) => {
  const [strings, others] = [await bytesWork(task, 'strings'), await bytesWork(task, 'bytes')]
  for (const work of [strings, others]) {
    await work.run(1000)
    await work.run(7)
  }
  expect(others.checksum).toBe(strings.checksum)
  expect(others.checksum).toBeGreaterThan(0)
})

test('the head is one of twelve fields', () => {
  const parser = new RequestParser({ headerBytesMax: 16_384, headerFieldsMax: 64, bodyBytesMax: 0 })
  expect(parser.parseHead(head, 0, head.length)).toBe(headComplete)
  expect(parser.fieldCount).toBe(12)
  expect(parser.headEnd).toBe(head.length)
})

describe('an answer in pieces', () => {
  test.each([1024, 262_144])('of %d bytes arrives the same, copied together or written as it lies', async (size) => {
    const received = await Promise.all(
      (['strings', 'bytes'] as const).map(async (way) => {
        await using work = await socketWork(way, size, true)
        await work.run(20)
        return await work.received()
      }),
    )
    expect(received[0]).toEqual(received[1])
    expect(received[0]!.bytes).toBe(20 * size)
    expect(received[0]!.checksum).not.toBe(0)
  })
})

test('the scenario has every task', () => {
  expect(new Set(pointsOf(bytes).map(({ inputs }) => inputs['task']))).toEqual(new Set(tasks))
})
