import { parentPort } from 'node:worker_threads'
import { seededRandom } from '@qps/core'
import { attachSharedMap, type SharedMap } from '@qps/shared-map'
import { Operator } from './operator.ts'
import { recordedKey } from './recorded-values.ts'
import { gateFields, type JobEnd, type ThreadJob, type WriterJob } from './thread-job.ts'

/*
 * A thread of the suite: does one job after the other and says when each is over. While it does, it serves no event.
 */
parentPort!.on('message', (job: ThreadJob) => {
  let end: JobEnd
  try {
    using map = attachSharedMap(job.handle) as SharedMap
    if (job.task === 'writer') write(map, job)
    end = { errors: job.task === 'history' ? new Operator(map, job).run() : {} }
  } catch (error) {
    end = { failed: error instanceof Error ? `${error.stack}` : String(error) }
  }
  parentPort!.postMessage(end)
})

function write(map: SharedMap, { handle, from, keyCount, valueBytesMax, seed, gate }: WriterJob): void {
  const random = seededRandom(seed)
  const flags = new Int32Array(gate)
  const keys = Array.from({ length: keyCount }, (_, index) => recordedKey(handle.keys, from + index))
  const bytes = new Uint8Array(valueBytesMax)
  const value = (byte: number) =>
    handle.values === 'number' ? byte : bytes.subarray(0, 1 + Math.floor(random() * valueBytesMax)).fill(byte)
  Atomics.add(flags, gateFields.arrived, 1)
  while (Atomics.load(flags, gateFields.stop) === 0) {
    const key = keys[Math.floor(random() * keyCount)]!
    if (keyCount > 1 && random() < 0.25) map.delete(key)
    else map.set(key, value(Math.floor(random() * 256)))
  }
}
