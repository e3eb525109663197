import { breakerCalls, breakerKinds, breakerWork } from './breaker-work.ts'
import { measureWork } from './repeat.ts'
import { programOptions } from './report.ts'

/* Calls through a breaker, again and again on one thread: `--kind` of breakerKinds, `--call` of breakerCalls. */
const { warmupS, seconds, given } = programOptions()
const kind = breakerKinds.find((known) => known === given['kind'])
const call = breakerCalls.find((known) => known === given['call'])
if (kind === undefined || call === undefined) {
  process.stderr.write(`error: --kind is one of ${breakerKinds.join(', ')}, --call one of ${breakerCalls.join(', ')}\n`)
  process.exit(1)
}
await measureWork(breakerWork(kind, call), { warmupS, seconds })
