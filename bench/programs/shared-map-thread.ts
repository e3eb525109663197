import { parentPort, workerData } from 'node:worker_threads'
import { Meeting, phases, type ThreadTask } from './shared-map-meeting.ts'
import { sequenceOf } from './shared-map-sequence.ts'
import { attachStore, keysOf } from './shared-map-stores.ts'

/* A thread of shared-map.ts: prepares, says so, and works until it is told to stop. */
const task = workerData as ThreadTask
const { thread, batch } = task
const meeting = new Meeting(task.meeting)
const store = attachStore(task.store, keysOf(task.keys, task.entries))
for (let key = 0; key < task.entries; key += 997) {
  const value = await store.value(key)
  if (value !== key) throw new Error(`nothing is measured: key ${key} has the value ${value}`)
}
const operations = sequenceOf(thread, task)
parentPort!.postMessage('ready')
// Whoever is early would change what the others still look at.
meeting.waitUntilPrepared()

let sum = 0
let done = 0
let batches = 0
let lastMs = performance.now()
let phase = meeting.phase
for (let at = 0; phase !== phases.stop; at = (at + batch) % operations.length) {
  const gave = store.batch(operations, at, at + batch, at)
  sum = (sum + (typeof gave === 'number' ? gave : await gave)) % 2 ** 32
  done += batch
  const nowMs = performance.now()
  const before = phase
  phase = meeting.phase
  // Only batches that were measured from their beginning count.
  batches = before === phases.measure ? batches + 1 : 0
  meeting.tell(thread, { done, sum, batches, ns: (nowMs - lastMs) * 1e6 })
  lastMs = nowMs
}
parentPort!.close()
