import type { BufferPoolStats, ObjectPoolStats } from '@qps/pool'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

interface Report {
  told: string[]
  room: string[]
  objects: ObjectPoolStats
  buffers: BufferPoolStats
  leaks: { acquired: string; forgotten: boolean }[]
}

function run(mode: string): Report {
  const program = fileURLToPath(new URL('fixtures/forgetful.ts', import.meta.url))
  const flags = ['--conditions=@qps/source', '--expose-gc']
  return JSON.parse(
    execFileSync(process.execPath, [...flags, program, mode], { encoding: 'utf8', timeout: 50_000 }),
  ) as Report
}

test('development: what the collector frees unreleased is told, with its place, and its room is free again', () => {
  const { told, room, objects, buffers, leaks } = run('development')
  expect(objects).toMatchObject({ forgotten: 2, held: 0 })
  expect(room).toEqual(['', ''])
  expect(leaks).toHaveLength(2)
  for (const leak of leaks)
    expect(leak).toMatchObject({ forgotten: true, acquired: expect.stringContaining('forgetful.ts') })
  expect(
    leaks.some(({ acquired }) => acquired.startsWith('new Handler')),
    'one that a field held',
  ).toBe(true)
  expect(told).toHaveLength(3)
  for (const message of told) expect(message).toMatch(/a lease was not given back: acquired at .*forgetful\.ts/)
  expect(buffers, 'a view may still exist: its bytes are not lent again').toMatchObject({ forgotten: 1, bytesHeld: 64 })
})

test('production: it is counted, and the room is free again', () => {
  const { told, room, objects, buffers, leaks } = run('production')
  expect(objects).toMatchObject({ forgotten: 2, held: 0 })
  expect(room).toEqual(['', ''])
  expect(told).toEqual([])
  expect(leaks).toEqual([])
  expect(buffers).toMatchObject({ forgotten: 1, bytesHeld: 64 })
})
