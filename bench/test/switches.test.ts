import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { parseSwitches, switchesOf } from '../src/switches.ts'

test('the two counters of a status text are told apart', () => {
  const status = 'Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n'
  expect(parseSwitches(status)).toEqual({ voluntary: 12, involuntary: 3 })
  expect(parseSwitches('')).toEqual({ voluntary: 0, involuntary: 0 })
})

test.skipIf(process.platform !== 'linux')(
  'a thread that waits counts, whichever thread of the process it is',
  async () => {
    // A worker thread that sleeps a hundred times, then says so; the main thread waits for it.
    const sleeper = `const { Worker } = require('node:worker_threads')
    process.stdin.once('data', () => new Worker(
      'for (let n = 0; n < 100; n++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); ' +
      'require("node:worker_threads").parentPort.postMessage(0); setInterval(() => {}, 1000)', { eval: true },
    ).once('message', () => console.log('done')))
    console.log('ready')`
    const child = spawn(process.execPath, ['-e', sleeper])
    try {
      await once(child.stdout, 'data')
      const before = switchesOf([child.pid!])!.voluntary
      child.stdin.write('go\n')
      await once(child.stdout, 'data')
      expect(switchesOf([child.pid!])!.voluntary - before).toBeGreaterThanOrEqual(100)
    } finally {
      child.kill('SIGKILL')
    }
  },
)

test('a process that is gone has none', () => {
  expect(switchesOf([2 ** 30]) ?? { voluntary: 0, involuntary: 0 }).toEqual({ voluntary: 0, involuntary: 0 })
})
