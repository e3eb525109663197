import { seededRandom, sourceFlags } from '@qps/core'
import { attachSharedMap, createSharedMap, LocalMap, type MapHandle, type MapKind } from '@qps/shared-map'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/*
 * Rough nanoseconds per operation, to steer by: reads of random keys and, in between, writes.
 *
 *   node --conditions=@qps/source packages/shared-map/test/quick.ts [--kinds optimistic,sharded] [--threads 1,2] [--reads 0.9]
 *
 * `wall` is the time that all threads together need for one operation, `best` what an operation takes one thread in its fastest
 * batch, which says most on a machine that has other work. For figures that can be compared, with those of Go beside them, run
 * the scenario 05-shared-map.
 */
const entries = 100_000
const operations = 2_000_000
const sequenceLength = 1 << 20
const batch = 10_000

interface Task {
  handle: MapHandle | undefined
  keys: 'string' | 'integer'
  reads: number
  seed: number
}

interface Target {
  get(key: string | number): number | undefined
  set(key: string | number, value: number): void
}

const keyOf = (form: Task['keys'], index: number): string | number =>
  form === 'integer'
    ? index * 7919
    : `key-${String(index * 7919)
        .padStart(8, '0')
        .slice(-8)}`

interface Result {
  sum: number
  ns: number
  bestNs: number
}

/** Runs the operations twice, the first time to warm up, and gives the times of the second. */
function work({ handle, keys: form, reads, seed }: Task): Result {
  const map: Target = handle === undefined ? localMap(form) : (attachSharedMap(handle) as unknown as Target)
  const keys = Array.from({ length: entries }, (_, index) => keyOf(form, index))
  const random = seededRandom(seed)
  const order = Int32Array.from({ length: sequenceLength }, () => Math.floor(random() * entries))
  const writes = Uint8Array.from({ length: sequenceLength }, () => (random() < reads ? 0 : 1))
  const warm = all(map, keys, order, writes)
  parentPort!.postMessage('ready')
  Atomics.wait(new Int32Array(workerData.gate as SharedArrayBuffer), 0, 0)
  const measured = all(map, keys, order, writes)
  return { ...measured, sum: warm.sum + measured.sum }
}

function all(map: Target, keys: (string | number)[], order: Int32Array, writes: Uint8Array): Result {
  const result: Result = { sum: 0, ns: 0, bestNs: Infinity }
  for (let from = 0; from < operations; from += batch) {
    const start = process.hrtime.bigint()
    result.sum += run(map, keys, order, writes, from)
    const ns = Number(process.hrtime.bigint() - start)
    result.ns += ns
    result.bestNs = Math.min(result.bestNs, ns / batch)
  }
  return result
}

function run(map: Target, keys: (string | number)[], order: Int32Array, writes: Uint8Array, from: number): number {
  let sum = 0
  for (let step = from; step < from + batch; step++) {
    const at = step & (sequenceLength - 1)
    const key = keys[order[at]!]!
    if (writes[at] === 1) map.set(key, step)
    else sum += map.get(key)!
  }
  return sum
}

function localMap(form: Task['keys']): Target {
  const map = new LocalMap<string | number, number>({ capacity: entries })
  for (let index = 0; index < entries; index++) map.set(keyOf(form, index), index)
  return map
}

async function measure(kind: MapKind | 'local', form: Task['keys'], threads: number, reads: number): Promise<string> {
  const map = kind === 'local' ? undefined : createSharedMap({ kind, keys: form, values: 'number', capacity: entries })
  for (let index = 0; index < entries; index++) (map as Target | undefined)?.set(keyOf(form, index), index)
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const started = Array.from({ length: threads }, (_, thread) => {
    const task: Task = { handle: map?.share(), keys: form, reads, seed: thread + 1 }
    return new Worker(new URL(import.meta.url), {
      workerData: { ...task, gate: gate.buffer },
      execArgv: sourceFlags(import.meta.url),
    })
  })
  const messageOf = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve))
  await Promise.all(started.map(messageOf))
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
  const results = (await Promise.all(started.map(messageOf))) as Result[]
  const wall = Math.max(...results.map(({ ns }) => ns)) / (operations * threads)
  const best = Math.min(...results.map(({ bestNs }) => bestNs))
  return `wall ${wall.toFixed(1).padStart(6)}  best ${best.toFixed(1).padStart(6)}`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kinds: { type: 'string', default: 'optimistic,snapshot,sharded,locked,local' },
      keys: { type: 'string', default: 'string,integer' },
      threads: { type: 'string', default: '1,2' },
      reads: { type: 'string', default: '0.9' },
    },
  })
  for (const form of values.keys.split(',') as Task['keys'][]) {
    for (const kind of values.kinds.split(',') as MapKind[]) {
      for (const threads of values.threads.split(',').map(Number)) {
        const figures = await measure(kind, form, threads, Number(values.reads))
        process.stdout.write(`${form.padEnd(8)} ${kind.padEnd(10)} threads ${threads}  ${figures}\n`)
      }
    }
  }
}

if (isMainThread) await main()
else parentPort!.postMessage(work(workerData as Task))
