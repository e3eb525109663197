import { examine } from '@qps/console'
import { expect, test } from 'vitest'

test('every finding says what was found, and how to mend what is not', () => {
  const findings = examine()
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'node',
      'cores',
      'ulimit -n',
      'node:ffi',
      'io_uring',
      'promtool',
      'wrk',
      'slowhttptest',
      'go',
    ]),
  )
  for (const { found, fix, state } of findings) {
    expect(found).not.toBe('')
    expect(fix === '').toBe(state === 'ok')
  }
})

test('this Node is the one that is pinned', () => {
  expect(examine()[0]).toMatchObject({ name: 'node', state: 'ok', found: process.version })
})
