import { checkInteger } from '@qps/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { queueWays } from './queue-job.ts'
import { startQueueWork } from './queue-work.ts'
import { measured, measuring, programOptions } from './report.ts'

/*
 * Messages of `--bytes N` from `--pairs N` threads to as many others, `--way` of queueWays. A request is a message that was
 * received. At the end all that was sent must have been, each number of it.
 */
const { warmupS, seconds, given } = programOptions()
const way = queueWays.find((known) => known === given['way'])
if (way === undefined) {
  process.stderr.write(`error: --way ${given['way']} is none of ${queueWays.join(', ')}\n`)
  process.exit(1)
}
const bytes = checkInteger('bytes', Number(given['bytes'] ?? 16), { min: 4, max: 65_536 })
const pairs = checkInteger('pairs', Number(given['pairs'] ?? 1), { min: 1, max: 8 })
await using work = await startQueueWork({ way, bytes, pairs })
await sleep(warmupS * 1000)
const before = work.received
const startMs = performance.now()
measuring()
await sleep(seconds * 1000)
await work.end()
const elapsedS = (performance.now() - startMs) / 1000
const requests = (work.received - before) >>> 0
await measured({ requests, errors: 0, elapsedS, figures: { nsPerOperation: (elapsedS * 1e9) / requests } })
