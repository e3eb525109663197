import { checkInteger, invariant } from '@qps/core'
import { runLoad } from '@qps/loadgen'
import { measured, measuring, programOptions } from './report.ts'

/*
 * The load generator as a program. Warm-up and measured time are one run, so that what the warm-up compiled is what is
 * measured: the measured time begins with the first report after the warm-up.
 */
const { target, warmupS, seconds, given } = programOptions()
const connections = checkInteger('connections', Number(given['connections'] ?? 64), { min: 1, max: 10_000 })
const pipeline = checkInteger('pipeline', Number(given['pipeline'] ?? 1), { min: 1, max: 1024 })

let begin: { requests: number; atMs: number } | undefined
let last = { requests: 0, atMs: 0 }
const stop = new AbortController()
const result = await runLoad({
  url: target,
  connections,
  pipeline,
  threads: 1,
  // Longer than is needed: the run ends with the report that completes the time.
  durationS: warmupS + seconds + 1,
  ...(given['transport'] !== undefined && { transport: given['transport'] }),
  signal: stop.signal,
  onProgress: ({ elapsedS, requests }) => {
    const nowMs = performance.now()
    if (begin === undefined) {
      if (elapsedS < warmupS) return
      begin = { requests, atMs: nowMs }
      measuring()
    } else if (nowMs - begin.atMs >= seconds * 1000 && !stop.signal.aborted) {
      last = { requests, atMs: nowMs }
      stop.abort()
    }
  },
})
invariant(begin, 'a load reports while it runs')
await measured({
  requests: last.requests - begin.requests,
  errors: result.errors,
  elapsedS: (last.atMs - begin.atMs) / 1000,
})
