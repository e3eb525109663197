import { checkInteger } from '@qps/core'
import { measureWork } from './repeat.ts'
import { programOptions } from './report.ts'
import { workerPoolKinds, workerPoolWork } from './worker-pool-work.ts'

/* Tiny tasks on the one thread of a pool: `--kind` of workerPoolKinds, `--in-flight N` at a time. A request is a task. */
const { warmupS, seconds, given } = programOptions()
const kind = workerPoolKinds.find((known) => known === given['kind'])
if (kind === undefined) {
  process.stderr.write(`error: --kind ${given['kind']} is none of ${workerPoolKinds.join(', ')}\n`)
  process.exit(1)
}
const inFlight = checkInteger('in-flight', Number(given['in-flight'] ?? 1), { min: 1, max: 1024 })
await using work = await workerPoolWork(kind, inFlight)
await measureWork(work, { warmupS, seconds })
