import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const codeBlock = /```ts\n(.*?)```/s
const promise = /\/\/ → (.*)$/gm

/**
 * Runs the first `ts` block of a README in a process of its own, from the README's folder, and expects that it prints
 * what its `// →` comments promise, one line each, and nothing else.
 *
 * @param readme the file's URL. @throws where it has no such block, or one that promises nothing.
 * @example test('the README is true', () => expectReadmeExample(new URL('../README.md', import.meta.url)))
 */
export function expectReadmeExample(readme: URL): void {
  const source = codeBlock.exec(readFileSync(readme, 'utf8'))?.[1]
  if (source === undefined) throw new Error(`${fileURLToPath(readme)} has no ts block`)
  const promised = [...source.matchAll(promise)].map((match) => match[1])
  expect(promised.length, 'lines promised by the example').toBeGreaterThan(0)
  const printed = execFileSync(
    process.execPath,
    ['--conditions=@qps/source', '--input-type=module-typescript', '--eval', source],
    { cwd: new URL('.', readme), encoding: 'utf8', timeout: 20_000 },
  )
  expect(printed.trimEnd().split('\n')).toEqual(promised)
}
