import { bytesWork, type Task, tasks, type Way, ways } from './bytes-work.ts'
import { measureWork, type Work } from './repeat.ts'
import { programOptions } from './report.ts'
import type { SocketWork } from './socket-work.ts'

/*
 * The same work by strings and copies or on the bytes as they lie: `--task` of tasks, `--way` of ways. A request is one
 * operation. Both ways are done first, and must come to the same.
 */
const { warmupS, seconds, given } = programOptions()
const task =
  tasks.find((known) => known === given['task']) ?? fail(`--task ${given['task']} is none of ${tasks.join(', ')}`)
const way = ways.find((known) => known === given['way']) ?? fail(`--way ${given['way']} is none of ${ways.join(', ')}`)

const [strings, others] = [await outcomeOf(task, 'strings'), await outcomeOf(task, 'bytes')]
if (strings !== others) fail(`nothing is measured: the two ways come to ${strings} and ${others}`)
const work = await bytesWork(task, way)
await measureWork(work, { warmupS, seconds })
if (isSocketWork(work)) await work[Symbol.asyncDispose]()

/** What some operations come to. */
async function outcomeOf(of: Task, by: Way): Promise<string> {
  const tried = await bytesWork(of, by, true)
  await tried.run(50)
  if (!isSocketWork(tried)) return String(tried.checksum)
  await using sockets = tried
  return JSON.stringify(await sockets.received())
}

function isSocketWork(any: Work): any is SocketWork {
  return 'received' in any
}

function fail(why: string): never {
  process.stderr.write(`error: ${why}\n`)
  process.exit(1)
}
