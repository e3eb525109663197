import { examine } from '@qps/console'
import { probe } from '@qps/netpoll'
import { expect, test } from 'vitest'

test('every finding says what was found, and how to mend what is not', () => {
  const findings = examine()
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'node',
      'cores',
      'ulimit -n',
      'io_uring',
      'epoll',
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

test('the engine’s backends are there, or the reason why not', () => {
  const findings = examine()
  for (const backend of ['io_uring', 'epoll'] as const) {
    const why = probe()[backend]
    const finding = findings.find(({ name }) => name === backend)!
    expect(finding.state).toBe(why === undefined ? 'ok' : 'missing')
    expect(finding.found).toBe(why ?? 'works, through node:ffi')
  }
})

test('this Node is the one that is pinned', () => {
  expect(examine()[0]).toMatchObject({ name: 'node', state: 'ok', found: process.version })
})
