import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expectReadmeExample } from '@qps/testkit'
import { expect, test } from 'vitest'

test('the example of the section on Fastify does what it says', () => {
  const section = /\n## Fastify\n[^]*?(?=\n## |$)/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))
  expect(section).not.toBe(null)
  // Within the package, so that its imports are found.
  const folder = mkdtempSync(join(import.meta.dirname, '.readme-'))
  try {
    writeFileSync(join(folder, 'README.md'), section![0])
    expectReadmeExample(pathToFileURL(join(folder, 'README.md')))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
