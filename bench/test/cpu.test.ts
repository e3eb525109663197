import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { parseProcStat, parsePs, sumTree, treeUsage } from '../src/cpu.ts'

test('a stat line is read past a command that looks like fields', () => {
  const stat = '42 (a) R 7 (b) S 7 42 42 0 -1 0 0 0 0 0 150 50 20 10 20 0 11 0 1 2 3'
  expect(parseProcStat(stat, 'Name:\tx\nVmRSS:\t   2048 kB\n')).toEqual({
    pid: 42,
    parent: 7,
    cpuUs: 2_300_000,
    residentBytes: 2 * 1024 * 1024,
  })
})

test('rows of ps are read with days, hours and hundredths', () => {
  const rows = parsePs('  1  0 1-02:03:04 100\n 20  1   0:01.50 200\nnonsense\n')
  expect(rows).toEqual([
    { pid: 1, parent: 0, cpuUs: 93_784_000_000, residentBytes: 102_400 },
    { pid: 20, parent: 1, cpuUs: 1_500_000, residentBytes: 204_800 },
  ])
})

test('a tree is the process and its descendants, whatever the order of the rows', () => {
  const row = (pid: number, parent: number): Parameters<typeof sumTree>[1][number] => ({
    pid,
    parent,
    cpuUs: 10 ** pid,
    residentBytes: 1,
  })
  const rows = [row(4, 3), row(3, 2), row(2, 1), row(5, 1)]
  expect(sumTree(2, rows)).toEqual({ cpuUs: 11_100, residentBytes: 3 })
  expect(sumTree(9, rows)).toEqual({ cpuUs: 0, residentBytes: 0 })
})

test('the time of a grandchild counts, and that of a process beside it does not', async () => {
  const burn = 'const end = process.cpuUsage().user + 300000; while (process.cpuUsage().user < end); console.log(1)'
  const parent = spawn(
    process.execPath,
    [
      '-e',
      `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`${burn}; setInterval(() => {}, 1000)`)}],
      { stdio: ['ignore', 'inherit', 'inherit'] }).unref(); setInterval(() => {}, 1000)`,
    ],
    { detached: true },
  )
  const beside = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    await once(parent.stdout, 'data')
    expect(treeUsage(parent.pid!).cpuUs).toBeGreaterThanOrEqual(300_000)
    expect(treeUsage(parent.pid!).residentBytes).toBeGreaterThan(1_000_000)
    expect(treeUsage(beside.pid!).cpuUs).toBeLessThan(treeUsage(parent.pid!).cpuUs)
  } finally {
    process.kill(-parent.pid!, 'SIGKILL')
    beside.kill('SIGKILL')
  }
})

test('a process that is gone used nothing', () => {
  expect(treeUsage(2 ** 30)).toMatchObject({ cpuUs: 0, residentBytes: 0 })
})
