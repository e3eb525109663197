import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, Worker } from 'node:worker_threads'
import { checkInteger, siblingModule, sourceFlags } from '@qps/core'
import { createSharedMap, type MapOperations } from '@qps/shared-map'
import { measured, measuring, programOptions } from './report.ts'
import { Meeting, phases, type ThreadTask } from './shared-map-meeting.ts'
import type { OwnerTask } from './shared-map-owner.ts'
import { distributions, fingerprint, sequenceOf } from './shared-map-sequence.ts'
import { filled, keyForms, keysOf, type StoreHandle, type StoreKind, storeKinds } from './shared-map-stores.ts'

/*
 * Reads and writes of worker threads on one map: `--kind` of storeKinds, `--keys string` or `integer`, `--reads` per cent,
 * `--threads`, `--distribution uniform` or `zipf`, `--entries`, `--shards`. A request is one operation of any thread.
 *
 * The threads prepare everything before the clock starts, and only count while they work; this one sleeps meanwhile.
 */
const { warmupS, seconds, given } = programOptions()
const kind = oneOf('kind', storeKinds)
const keys = oneOf('keys', keyForms, 'string')
const distribution = oneOf('distribution', distributions, 'uniform')
const number = (name: string, otherwise: number, min: number, max: number): number =>
  checkInteger(name, Number(given[name] ?? otherwise), { min, max })
const reads = number('reads', 90, 0, 100)
const threads = number('threads', 2, 1, 64)
const entries = number('entries', 100_000, 1, 1_000_000)
const shards = number('shards', 0, 0, 1024)
/** An owner answers some ten thousand times a second: its threads are to see the end in time. */
const batch = kind === 'owner' ? 16 : 1024

const memory = new SharedArrayBuffer(Meeting.bytes(threads))
const meeting = new Meeting(memory)
const stores = await storesFor(kind)
const workers = stores.map((store, thread) => {
  const task: ThreadTask = { thread, keys, store, meeting: memory, batch, entries, reads, distribution }
  const transferList = store !== undefined && 'owner' in store ? [store.owner] : []
  return new Worker(siblingModule(import.meta.url, './shared-map-thread'), {
    workerData: task,
    transferList,
    execArgv: sourceFlags(import.meta.url),
  })
})
const sequence = fingerprint(workers.map((_, thread) => sequenceOf(thread, { entries, reads, distribution })))
await Promise.all(workers.map((worker) => once(worker, 'message')))

meeting.phase = phases.warmup
await sleep(warmupS * 1000)
meeting.phase = phases.measure
measuring()
const before = { done: doneByAll(), atMs: performance.now() }
await sleep(seconds * 1000)
const requests = doneByAll() - before.done
const elapsedS = (performance.now() - before.atMs) / 1000
meeting.phase = phases.stop
// Said at once: whoever measures CPU looks at this process when it hears of the end.
const times = Float64Array.from(workers.flatMap((_, thread) => [...meeting.times(thread)])).toSorted()
await measured({
  requests,
  errors: 0,
  elapsedS,
  figures: {
    nsPerOperation: (elapsedS * 1e9) / requests,
    nsPerOperationP99: (times[Math.floor(times.length * 0.99)] ?? 0) / batch,
    sequence,
    sum: workers.reduce((total, _, thread) => (total + meeting.sum(thread)) % 2 ** 32, 0),
  },
})
process.exit(0)

function oneOf<Word extends string>(name: string, known: readonly Word[], otherwise?: Word): Word {
  const word = given[name] ?? otherwise
  const found = known.find((each) => each === word)
  if (found !== undefined) return found
  process.stderr.write(`error: --${name} ${word} is none of ${known.join(', ')}\n`)
  process.exit(1)
}

function doneByAll(): number {
  return workers.reduce((sum, _, thread) => sum + meeting.done(thread), 0)
}

/** A handle for each thread, on a map with all keys in it. */
async function storesFor(of: StoreKind): Promise<StoreHandle[]> {
  if (of === 'local') return Array.from({ length: threads }, () => undefined)
  if (of === 'owner') return askedThread()
  const map = createSharedMap({ kind: of, keys, values: 'number', capacity: entries, ...(shards > 0 && { shards }) })
  filled(map as unknown as MapOperations<string | number, number>, keysOf(keys, entries))
  return Array.from({ length: threads }, () => ({ map: map.share() }))
}

/** Starts the thread that has the map. @returns a way to it for each of the others. */
async function askedThread(): Promise<StoreHandle[]> {
  const channels = Array.from({ length: threads }, () => new MessageChannel())
  const ports = channels.map(({ port1 }) => port1)
  const owner = new Worker(siblingModule(import.meta.url, './shared-map-owner'), {
    workerData: { ports, keys, entries } satisfies OwnerTask,
    transferList: ports,
    execArgv: sourceFlags(import.meta.url),
  })
  await once(owner, 'message')
  return channels.map(({ port2 }) => ({ owner: port2 }))
}
