import { httpLimits } from '@qps/http-contract'
import { loadLimits } from '@qps/loadgen'
import { readFileSync, writeFileSync } from 'node:fs'
import { format } from 'prettier'
import { expect, test } from 'vitest'

const file = new URL('../../ARCHITECTURE.md', import.meta.url)

/** Bounds that are no option of anybody: the constant's name and where it stands. */
const constants: [name: string, where: string, what: string][] = [
  ['seriesMax', 'packages/metrics/src/request-metrics.ts', 'series of one metric'],
  ['maxConnections', 'packages/http/src/admin.ts', 'connections of the admin port'],
  ['refusalRoom', 'packages/http/src/guarded-server.ts', 'connections beyond the cap that are told so'],
  ['drainLimitMs', 'packages/console/src/stage/stage-run.ts', 'a drain, before what is left is cut'],
]

function table(): string {
  const rows = [
    ...Object.entries(httpLimits).map(([name, value]) => [name, String(value), 'packages/http-contract/src/limits.ts']),
    ...Object.entries(loadLimits).map(([name, value]) => [name, rangeOf(value), 'packages/loadgen/src/options.ts']),
    ...constants.map(([name, where, what]) => [name, what, where]),
  ]
  const lines = rows.map(([name, value, where]) => `| \`${name}\` | ${value} | [${where}](${where}) |`)
  return ['| bound | value | where |', '| --- | --- | --- |', ...lines].join('\n')
}

function rangeOf(value: number | { min: number; max: number }): string {
  return typeof value === 'number' ? `at most ${value}` : `${value.min} to ${value.max}`
}

test('ARCHITECTURE.md lists every bound with its value (UPDATE=1 npm test -- tools writes it)', async () => {
  const text = readFileSync(file, 'utf8')
  const filled = text.replace(/(<!-- limits -->).*(<!-- \/limits -->)/s, `$1\n\n${table()}\n\n$2`)
  const formatted = await format(filled, { parser: 'markdown', semi: false, singleQuote: true, printWidth: 120 })
  if (process.env['UPDATE'] === '1') writeFileSync(file, formatted)
  expect(readFileSync(file, 'utf8')).toBe(formatted)
})

test('the constants that it names exist', () => {
  for (const [name, where] of constants) {
    expect(readFileSync(new URL(`../../${where}`, import.meta.url), 'utf8'), where).toContain(name)
  }
})
