import { checkInteger } from '@qps/core'
import { contextKinds, contextWork } from './context-work.ts'
import { measureWork } from './repeat.ts'
import { programOptions } from './report.ts'

/*
 * Requests with and without a context, one after the other on one thread: `--kind` of contextKinds, `--awaits N` in each. A
 * request is an operation.
 */
const { warmupS, seconds, given } = programOptions()
const kind = contextKinds.find((known) => known === given['kind'])
if (kind === undefined) {
  process.stderr.write(`error: --kind ${given['kind']} is none of ${contextKinds.join(', ')}\n`)
  process.exit(1)
}
const awaits = checkInteger('awaits', Number(given['awaits'] ?? 4), { min: 0, max: 1000 })
await measureWork(contextWork(kind, awaits), { warmupS, seconds })
