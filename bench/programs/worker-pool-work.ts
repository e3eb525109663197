import { siblingModule, sourceFlags } from '@qps/core'
import { WorkerPool } from '@qps/workers'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Work } from './repeat.ts'
import type * as Tasks from './worker-tasks.ts'

/** Who gets a number to another thread and its double back: our pool, messages by hand, and pools of others. */
export const workerPoolKinds = ['pool', 'post-message', 'piscina', 'tinypool'] as const
export type WorkerPoolKind = (typeof workerPoolKinds)[number]

/** Doubles a number on the one other thread. */
interface Doubler extends AsyncDisposable {
  double(number: number): Promise<number>
}

const module = siblingModule(import.meta.url, 'worker-tasks')
const execArgv = sourceFlags(import.meta.url)

/**
 * The operation of 05-worker-pool: a number is doubled by the one thread of a pool, `inFlight` callers at a time, each of which asks
 * anew when it has its answer.
 *
 * @returns what is to be measured; disposing of it ends the thread.
 */
export async function workerPoolWork(kind: WorkerPoolKind, inFlight: number): Promise<Work & AsyncDisposable> {
  const doubler = await makers[kind](inFlight)
  let sum = 0
  const caller = async (from: number, count: number): Promise<void> => {
    let total = 0
    for (let number = from; number < count; number += inFlight) total += await doubler.double(number)
    sum = (sum + total) % 2 ** 32
  }
  return {
    async run(count) {
      await Promise.all(Array.from({ length: inFlight }, (_, index) => caller(index, count)))
    },
    get checksum() {
      return sum
    },
    [Symbol.asyncDispose]: () => doubler[Symbol.asyncDispose](),
  }
}

const makers: Record<WorkerPoolKind, (inFlight: number) => Promise<Doubler>> = {
  async pool() {
    const pool = new WorkerPool<typeof Tasks>({ module, threadsMin: 1, threadsMax: 1 })
    await pool.ready()
    return { double: (number) => pool.run('double', number), [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() }
  },

  async 'post-message'() {
    const worker = new Worker(module, { argv: ['--serve'], execArgv })
    const waiting = new Map<number, (result: number) => void>()
    let next = 0
    worker.on('message', ([id, result]: [number, number]) => {
      const resolve = waiting.get(id)!
      waiting.delete(id)
      resolve(result)
    })
    return {
      double: (number) =>
        new Promise((resolve) => {
          const id = next++
          waiting.set(id, resolve)
          worker.postMessage([id, number])
        }),
      async [Symbol.asyncDispose]() {
        await worker.terminate()
      },
    }
  },

  async piscina(inFlight) {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({
      filename: fileURLToPath(module),
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: inFlight,
      execArgv,
    })
    return { double: (number) => pool.run(number, { name: 'double' }), [Symbol.asyncDispose]: () => pool.destroy() }
  },

  async tinypool(inFlight) {
    const { Tinypool } = await import('tinypool')
    const pool = new Tinypool({
      filename: module.href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: inFlight,
      execArgv,
    })
    return { double: (number) => pool.run(number, { name: 'double' }), [Symbol.asyncDispose]: () => pool.destroy() }
  },
}
