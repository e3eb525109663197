import { checkInteger } from '@qps/core'
import { countPerRequest, total } from './copies/count.ts'
import { measured, measuring, programOptions } from './report.ts'

/*
 * Copies and system calls per request, of a server of copies-server.ts that answers with so many bytes. They are counted in
 * two loads, one after the other: copies by a library that stands in front of memcpy, system calls by strace. What cannot
 * be counted here is left out, and the reason said on standard error.
 */
const { warmupS, seconds, given } = programOptions()
const bytes = checkInteger('bytes', Number(given['bytes'] ?? 16_384), { min: 1, max: 4 * 1024 * 1024 })
const connections = checkInteger('connections', Number(given['connections'] ?? 1), { min: 1, max: 64 })
const { requests, errors, elapsedS, missing, copies, copiedBytes, systemCalls, copiedAfterAll } = await countPerRequest(
  {
    kind: given['kind'] ?? '',
    bytes,
    connections,
    warmupS: Math.max(0.1, warmupS),
    seconds,
    onMeasuring: measuring,
  },
)
for (const why of missing) process.stderr.write(`not counted: ${why}\n`)
await measured({
  requests,
  errors,
  elapsedS,
  figures: {
    ...(copies !== undefined &&
      copiedBytes !== undefined && { copies, copiedBytes, answerCopies: copiedBytes / bytes }),
    ...(systemCalls && {
      systemCalls: total(systemCalls),
      ...Object.fromEntries(Object.entries(systemCalls).map(([name, count]) => [`calls.${name}`, count])),
    }),
    ...(copiedAfterAll !== undefined && { copiedAfterAll }),
  },
})
