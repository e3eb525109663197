import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { missingFor, requireReady } from '../src/readiness.ts'
import { stageVariant } from '../src/scenario.ts'
import { fixtureScenario } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'qps-ready-'))
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

const scenario = fixtureScenario({ name: '09-later', variants: [stageVariant('09-stage', 'fast')] })

test('a stage is missing, then not compiled, then there', () => {
  expect(missingFor(scenario, root)).toBe('stages/09-stage does not exist yet')
  mkdirSync(join(root, 'stages', '09-stage', 'dist'), { recursive: true })
  expect(missingFor(scenario, root)).toBe('stages/09-stage is not compiled')
  writeFileSync(join(root, 'stages', '09-stage', 'dist', 'main.js'), '')
  expect(missingFor(scenario, root)).toBeUndefined()
})

test('of several scenarios the one that cannot run is named before any is measured', async () => {
  const error = await thrownBy(() => requireReady([fixtureScenario(), scenario], root))
  expect(error.code).toBe('QPS_ARM_FAILED')
  expect(error.message).toBe('09-later cannot be measured: stages/09-stage does not exist yet')
  mkdirSync(join(root, 'stages', '09-stage'), { recursive: true })
  expect((await thrownBy(() => requireReady([scenario], root))).hint).toContain('npx tsc -b')
})
