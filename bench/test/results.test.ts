import { QpsError } from '@qps/core'
import fc from 'fast-check'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseResults } from '../src/results.ts'
import { allResults, readResults, resultsPath, saveResults, writeAtomically } from '../src/results-file.ts'
import { sampleResults } from './sample.ts'
import { thrownBy } from './thrown.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qps-results-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

test('what is saved is read back, from the folder of its machine', () => {
  const results = sampleResults()
  const path = saveResults(results, folder)
  expect(path).toBe(join(folder, 'test-1c-linux', '01-minimal-server.json'))
  expect(readResults(path)).toEqual(results)
  expect(allResults(folder)).toEqual([results])
})

test('a machine without results has none', () => {
  expect(readResults(resultsPath('nowhere', '01-minimal-server', folder))).toBeUndefined()
  expect(allResults(join(folder, 'missing'))).toEqual([])
})

test.each<[string, (text: string) => string, RegExp]>([
  ['cut off', (text) => text.slice(0, text.length / 2), /is not a results file/],
  ['empty', () => '', /is not a results file/],
  ['of another schema', (text) => text.replace('"schema": 1', '"schema": 2'), /schema must be 1, not 2/],
  ['with a text for a number', (text) => text.replace('"median": 40', '"median": "40"'), /variants\[0\].*median.*"40"/],
  ['with null for a number', (text) => text.replace('"median": 40', '"median": null'), /must be a number, not null/],
  ['a list', () => '[]', /the file must be an object/],
])('a file that is %s is refused with its path and the next step', async (_, spoil, why) => {
  const path = saveResults(sampleResults(), folder)
  writeFileSync(path, spoil(readFileSync(path, 'utf8')))
  const error = await thrownBy(() => readResults(path))
  expect(error.code).toBe('QPS_RESULTS_CORRUPT')
  expect(error.message).toMatch(why)
  expect(error.message).toContain('01-minimal-server.json')
  expect(error.message).not.toContain('\n')
  expect(error.hint).toMatch(/git checkout|npm run bench/)
})

test('whatever stands in the file, reading gives a result or QPS_RESULTS_CORRUPT', () => {
  const text = JSON.stringify(sampleResults())
  const anywhere = fc.tuple(fc.nat(text.length), fc.nat(40), fc.string({ maxLength: 20 }))
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), anywhere), (spoiled) => {
      const broken =
        typeof spoiled === 'string'
          ? spoiled
          : text.slice(0, spoiled[0]) + spoiled[2] + text.slice(spoiled[0] + spoiled[1])
      expect(refusalOf(broken)).toMatch(/^(accepted|QPS_RESULTS_CORRUPT)$/)
    }),
    { numRuns: 500 },
  )
})

test('a folder in the place of a file is one clear error', async () => {
  const path = join(folder, 'machine', '01-minimal-server.json')
  mkdirSync(path, { recursive: true })
  expect((await thrownBy(() => readResults(path))).message).toContain('EISDIR')
})

test('a write that fails leaves the old file and nothing beside it', () => {
  const path = join(folder, 'kept.json')
  writeAtomically(path, 'old')
  expect(() => writeAtomically(path, Symbol('not a text') as unknown as string)).toThrow('symbol')
  expect(readFileSync(path, 'utf8')).toBe('old')
  mkdirSync(join(folder, 'taken.json', 'inside'), { recursive: true })
  expect(() => writeAtomically(join(folder, 'taken.json'), 'new')).toThrow('EISDIR')
  expect(readdirSync(folder).toSorted()).toEqual(['kept.json', 'taken.json'])
})

function refusalOf(text: string): string {
  try {
    parseResults(text, 'x.json')
    return 'accepted'
  } catch (error) {
    return error instanceof QpsError ? error.code : String(error)
  }
}
