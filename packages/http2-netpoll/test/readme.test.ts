import { readFileSync, writeFileSync } from 'node:fs'
import { engineLimits } from '@qps/http2-netpoll'
import { expectReadmeExample } from '@qps/testkit'
import { format } from 'prettier'
import { expect, test } from 'vitest'

const readme = new URL('../README.md', import.meta.url)

test("the README's example prints what it says", () => expectReadmeExample(readme))

test('its table of limits has them all (UPDATE=1 writes it)', async () => {
  const rows = Object.entries(engineLimits).map(([name, value]) => `| \`${name}\` | ${value} |`)
  const table = ['| limit | default |', '| --- | --- |', ...rows].join('\n')
  const text = readFileSync(readme, 'utf8')
  const filled = text.replace(/(<!-- limits -->).*(<!-- \/limits -->)/s, `$1\n\n${table}\n\n$2`)
  const formatted = await format(filled, { parser: 'markdown', semi: false, singleQuote: true, printWidth: 120 })
  if (process.env['UPDATE'] === '1') writeFileSync(readme, formatted)
  expect(readFileSync(readme, 'utf8')).toBe(formatted)
})
