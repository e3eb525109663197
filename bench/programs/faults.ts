import { faultArm, faultKinds } from './fault-arms.ts'
import { type FaultFigures, faultFigures } from './fault-report.ts'
import { replay } from './fault-replay.ts'
import { faultTraces } from './fault-traces.ts'
import { measured, measuring, programOptions } from './report.ts'

/*
 * Replays the fault trace `--trace` to the breaker `--kind`, with as many seeds as `--replays`. A request is a call
 * that was offered. How long it takes says nothing: the figures are of the trace's own time, and their means over the
 * seeds.
 */
const { given } = programOptions()
const trace = faultTraces[given['trace'] ?? '']
const kind = faultKinds.find((known) => known === given['kind'])
if (trace === undefined || kind === undefined) {
  const traces = Object.keys(faultTraces).join(', ')
  process.stderr.write(`error: --trace is one of ${traces}, --kind one of ${faultKinds.join(', ')}\n`)
  process.exit(1)
}
const replays = Number(given['replays'] ?? 3)
const now = performance.now.bind(performance)
const startMs = now()
measuring()
const found: FaultFigures[] = []
let requests = 0
for (let seed = 1; seed <= replays; seed++) {
  using arm = faultArm(kind, seed)
  const calls = await replay(trace, arm, seed)
  requests += calls.length
  found.push(faultFigures(trace, calls))
}
await measured({ requests, errors: 0, elapsedS: (now() - startMs) / 1000, figures: meansOf(found) })

/** A figure that is missing for one seed is missing in the mean. */
function meansOf(all: readonly FaultFigures[]): Record<string, number> {
  const means: Record<string, number> = {}
  for (const name of ['wronglyOpenMs', 'timeToOpenMs', 'timeToRecoverMs', 'savedRatio'] as const) {
    const values = all.map((figures) => figures[name])
    if (values.every((value) => value !== undefined))
      means[name] = values.reduce((sum, value) => sum + value, 0) / values.length
  }
  return means
}
