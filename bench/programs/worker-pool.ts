import { checkInteger } from '@qps/core'
import { setImmediate as turn } from 'node:timers/promises'
import { measured, measuring, programOptions } from './report.ts'
import { workerPoolKinds, workerPoolWork } from './worker-pool-work.ts'

/* Tiny tasks on the one thread of a pool: `--kind` of workerPoolKinds, `--in-flight N` at a time. A request is a task. */
const { warmupS, seconds, given } = programOptions()
const kind = workerPoolKinds.find((known) => known === given['kind'])
if (kind === undefined) {
  process.stderr.write(`error: --kind ${given['kind']} is none of ${workerPoolKinds.join(', ')}\n`)
  process.exit(1)
}
const inFlight = checkInteger('in-flight', Number(given['in-flight'] ?? 1), { min: 1, max: 1024 })
/** Each caller asks so often in a row: at both ends of a batch fewer tasks are in flight. */
const perCaller = 100
await using work = await workerPoolWork(kind, inFlight)

/** Batches for so long. @returns how many tasks that were, in which time. */
async function repeat(forS: number): Promise<{ requests: number; elapsedS: number }> {
  const startMs = performance.now()
  let requests = 0
  let elapsedS = 0
  for (; elapsedS < forS; elapsedS = (performance.now() - startMs) / 1000) {
    await work.run(perCaller * inFlight)
    requests += perCaller * inFlight
  }
  return { requests, elapsedS }
}

await repeat(warmupS)
measuring()
// The line is to leave before the thread is busy.
await turn()
const { requests, elapsedS } = await repeat(seconds)
const figures = { nsPerOperation: (elapsedS * 1e9) / requests, checksum: work.checksum }
await measured({ requests, errors: 0, elapsedS, figures })
