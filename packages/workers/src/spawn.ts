import { siblingModule, sourceFlags } from '@qps/core'
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { MemberContext, News, Order } from './member.ts'

/** A running member, whatever it runs as. */
export interface Handle {
  give(order: Order): void
  /** Ends it at once. */
  kill(): void
}

export interface Events {
  news(news: News): void
  /** It is gone. @param why where it was not asked to go. */
  gone(why: string): void
}

/** A thread of this process. */
export function spawnThread(module: URL, context: MemberContext, events: Events): Handle {
  const worker = new Worker(siblingModule(import.meta.url, 'thread-entry'), {
    workerData: { module: module.href, context },
    execArgv: sourceFlags(import.meta.url),
  })
  let why = ''
  worker.on('message', (news: News) => events.news(news))
  worker.on('error', (error) => (why = String(error)))
  worker.on('exit', (code) => events.gone(why || `exit code ${code}`))
  return {
    give: (order) => worker.postMessage(order),
    // Descriptors that the thread has opened by itself would outlive it; the group kills only when the process ends anyway.
    kill: () => void worker.terminate(),
  }
}

/** A process that gets its connections from this one, in turn (`cluster.SCHED_RR`). */
export function spawnProcess(module: URL, context: MemberContext, events: Events): Handle {
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({
    exec: fileURLToPath(siblingModule(import.meta.url, 'process-entry')),
    args: [JSON.stringify({ module: module.href, context })],
    execArgv: sourceFlags(import.meta.url),
  })
  const worker = cluster.fork()
  worker.on('message', (news: News) => events.news(news))
  worker.on('exit', (code, signal) => events.gone(signal ? `signal ${signal}` : `exit code ${code}`))
  worker.on('error', () => {})
  return {
    give: (order) => void worker.send(order),
    kill: () => void worker.process.kill('SIGKILL'),
  }
}
