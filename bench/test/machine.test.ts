import fc from 'fast-check'
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { machineSlug, thisMachine } from '../src/machine.ts'

test.each([
  ['AMD EPYC', 2, 'linux', 'amd-epyc-2c-linux'],
  ['AMD EPYC 7763 64-Core Processor', 4, 'linux', 'amd-epyc-7763-4c-linux'],
  ['Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz', 8, 'linux', 'intel-xeon-e5-2686-v4-8c-linux'],
  ['Apple M3 Pro', 12, 'darwin', 'apple-m3-pro-12c-darwin'],
  ['', 1, 'linux', 'unknown-cpu-1c-linux'],
])('%j with %d cores on %s is %s', (cpu, cores, platform, slug) => {
  expect(machineSlug(cpu, cores, platform)).toBe(slug)
})

test('a slug is always a plain folder name', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (cpu) => {
      expect(machineSlug(cpu, 2, 'linux')).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    }),
  )
})

test('this machine is described without its name', () => {
  expect(thisMachine()).toMatchObject({ node: process.version, cores: expect.any(Number) })
  expect(Object.values(thisMachine())).not.toContain(hostname())
})
