import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requireProgram } from '@qps/testkit'
import { format } from 'prettier'
import { expect, test } from 'vitest'

const protoc = requireProgram('protoc', 'apt-get install protobuf-compiler')
const folder = fileURLToPath(new URL('..', import.meta.url))
const plugin = fileURLToPath(new URL('../../../node_modules/.bin/protoc-gen-es', import.meta.url))
const style = { parser: 'typescript', semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all' } as const

test.skipIf(!protoc.available).each([
  ['qps.proto', 'src/generated'],
  ['interop.proto', 'test/interop/generated'],
])(`the code generated from %s is what \`npm run generate\` makes ${protoc.reason}`, async (proto, committed) => {
  const made = mkdtempSync(join(tmpdir(), 'qps-generated-'))
  try {
    const options = [`--plugin=protoc-gen-es=${plugin}`, `--es_out=${made}`, '--es_opt=target=ts,import_extension=ts']
    execFileSync('protoc', ['-I', 'proto', ...options, proto], { cwd: folder, timeout: 20_000 })
    const files = globSync('*.ts', { cwd: made })
    expect(files).toEqual(globSync('*.ts', { cwd: join(folder, committed) }))
    for (const file of files) {
      const formatted = await format(readFileSync(join(made, file), 'utf8'), style)
      expect(formatted).toBe(readFileSync(join(folder, committed, file), 'utf8'))
    }
  } finally {
    rmSync(made, { recursive: true })
  }
})
