import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fillDocuments } from '../src/markers.ts'
import { saveResults } from '../src/results-file.ts'
import { sampleResults } from './sample.ts'
import { thrownBy } from './thrown.ts'

const marker = '<!-- results:01-minimal-server -->\n<!-- /results:01-minimal-server -->\n'
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'qps-fill-'))
  saveResults(sampleResults(), join(root, 'bench', 'results'))
  mkdirSync(join(root, 'stages', '01-minimal-server', 'node_modules'), { recursive: true })
  writeFileSync(join(root, 'README.md'), marker)
  writeFileSync(join(root, 'stages', '01-minimal-server', 'README.md'), marker)
  writeFileSync(join(root, 'stages', '01-minimal-server', 'node_modules', 'README.md'), marker)
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

test('a check names the documents that differ and changes none', () => {
  expect(fillDocuments({ check: true, root })).toEqual(['README.md', 'stages/01-minimal-server/README.md'])
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe(marker)
})

test('documents are filled once; then they agree with the results', () => {
  expect(fillDocuments({ check: false, root })).toHaveLength(2)
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('Verdict: held')
  expect(fillDocuments({ check: true, root })).toEqual([])
})

test('a corrupt results file stops the filling before any document is touched', async () => {
  writeFileSync(join(root, 'bench', 'results', 'test-1c-linux', '01-minimal-server.json'), '{"schema":1')
  expect((await thrownBy(() => fillDocuments({ check: false, root }))).code).toBe('QPS_RESULTS_CORRUPT')
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe(marker)
})
