import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test("the README's example prints what its comments say", () => {
  const source = /```ts\n(.*?)```/s.exec(readme)![1]!
  const printed = execFileSync(
    'node',
    ['--conditions=@qps/source', '--input-type=module-typescript', '--eval', source],
    {
      cwd: new URL('..', import.meta.url),
      encoding: 'utf8',
    },
  )
  const promised = [...source.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1])
  expect(printed.trimEnd().split('\n')).toEqual(promised)
})
