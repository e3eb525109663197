import { profileReport, type ReportedProfile } from '@qps/profile'
import { expect, test } from 'vitest'
import { busyFile, lineOf, root } from './threads.ts'

const line = lineOf('sink.value = JSON.stringify(rows)')
const profile: ReportedProfile = {
  kind: 'allocations',
  seconds: 5,
  total: 4_000_000,
  requests: 1_000,
  functions: [
    {
      name: 'writesItOut',
      file: busyFile,
      line: line - 1,
      hotLine: line,
      kind: 'ours',
      self: 3e6,
      share: 0.75,
      samples: 9,
    },
    { name: 'JSON.stringify', file: '', line: 0, hotLine: 0, kind: 'V8', self: 1e6, share: 0.25, samples: 3 },
  ],
  threads: [{ name: 'main', total: 4_000_000 }],
  lost: [],
  cutShort: undefined,
}

test('bytes by request, whose they are, and the line as it is written', () => {
  const lines = profileReport(profile, { root }).split('\n')
  expect(lines[0]).toMatch(/^B\/request +share +function +where +whose +line$/)
  expect(lines[1]!.trim()).toBe(
    `3000  75.0 %  writesItOut     ${busyFile}:${line}  ours   sink.value = JSON.stringify(rows)`,
  )
  expect(lines[2]).toMatch(/1000 +25\.0 % +JSON\.stringify +native +V8$/)
  expect(lines[3]).toBe('4000 B/request in 5.0 s, 1000 requests')
})

test('without requests the amounts are whole ones, and without a root no file is read', () => {
  const lines = profileReport({ ...profile, kind: 'cpu', requests: 0, functions: profile.functions.slice(0, 1) }).split(
    '\n',
  )
  expect(lines[0]).toMatch(/^ *ms/)
  expect(lines[1]).not.toContain('sink')
  expect(lines[2]).toBe('4 ms in 5.0 s')
})

test('a long line is cut, but not what V8 counts to it', () => {
  const long = { ...profile.functions[0]!, hotLine: lineOf('a long line') }
  const [, row] = profileReport({ ...profile, functions: [long] }, { root }).split('\n')
  expect(row).toMatch(/ours +return \[.*… JSON\.stringify$/)
})

test('what is missing is said', () => {
  const text = profileReport({ ...profile, cutShort: 'why', lost: ['worker 1: gone'] })
  expect(text).toContain('it ended early: why\nwithout worker 1: gone\n')
})
