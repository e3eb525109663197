import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { kernelBackends } from './support.ts'

const link = { io_uring: 'anon_inode:[io_uring]', epoll: 'anon_inode:[eventpoll]' } as const

/** Descriptors of this process, of all its threads, that lead to such a thing. */
function count(target: string): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === target
    } catch {
      return false
    }
  }).length
}

const program = `
  const { parentPort, workerData } = require('node:worker_threads')
  ;(async () => {
    const { createPoller } = await import('@qps/netpoll')
    if (workerData !== 'none') globalThis.poller = createPoller({ backend: workerData })
    parentPort.postMessage('made')
    parentPort.once('message', async () => {
      await globalThis.poller?.close()
      parentPort.close()
    })
  })()`

/** Threads, each with a poller of such a backend, or none. @returns the descriptors while they run, and afterwards. */
async function withThreads(threads: number, backend: string, target: string): Promise<[during: number, after: number]> {
  const options = { eval: true, workerData: backend, execArgv: ['--conditions=@qps/source'] }
  const workers = Array.from({ length: threads }, () => new Worker(program, options))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const during = count(target)
  const exits = workers.map((worker) => once(worker, 'exit'))
  for (const worker of workers) worker.postMessage('close')
  await Promise.all(exits)
  return [during, count(target)]
}

describe.each(kernelBackends)('%s', (backend) => {
  test.each([1, 3])('%i threads with a poller each have as many descriptors of its kind', async (threads) => {
    const target = link[backend as keyof typeof link]
    // Every thread of Node has an epoll of its own for libuv.
    const [without] = await withThreads(threads, 'none', target)
    const [during, after] = await withThreads(threads, backend, target)
    expect(during - without).toBe(threads)
    expect(after).toBe(count(target))
    expect(after).toBeLessThanOrEqual(without)
  })
})
