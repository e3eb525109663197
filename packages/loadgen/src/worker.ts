import { parentPort, workerData } from 'node:worker_threads'
import { invariant, messageOf, systemClock } from '@qps/core'
import { LoadThread, type ThreadReport, type ThreadShare } from './thread.ts'
import type { TransportModule } from './transport.ts'

/** What a worker is started with. */
export interface WorkerInput {
  share: ThreadShare
  /** URL of the transport's module. */
  transport: string
}

/** From the worker: ready once, progress now and then, then a report or a failure. */
export type WorkerMessage =
  | { type: 'ready' }
  | { type: 'progress'; requests: number; errors: number }
  | { type: 'report'; report: ThreadReport }
  | { type: 'failed'; message: string }

/** To the worker. */
export type WorkerCommand = 'begin' | 'abort'

const progressPeriodMs = 250

invariant(parentPort, 'worker.ts runs in a worker thread')
const port = parentPort
const tell = (message: WorkerMessage): void => port.postMessage(message)

async function generate({ share, transport: url }: WorkerInput): Promise<void> {
  const { createTransport } = (await import(url)) as TransportModule
  const transport = createTransport({ paced: share.rateQps !== null })
  try {
    tell({ type: 'report', report: await reportOf(new LoadThread(share, transport, systemClock)) })
  } finally {
    // Before the thread may be terminated: a transport's memory is not the collector's.
    await transport.close?.()
  }
}

async function reportOf(thread: LoadThread): Promise<ThreadReport> {
  const begun = Promise.withResolvers<void>()
  port.on('message', (command: WorkerCommand) => {
    if (command === 'abort') thread.abort()
    begun.resolve()
  })
  await thread.open()
  tell({ type: 'ready' })
  await begun.promise
  const ticker = setInterval(() => tell({ type: 'progress', ...thread.progress() }), progressPeriodMs)
  const report = await thread.run()
  clearInterval(ticker)
  return report
}

try {
  await generate(workerData as WorkerInput)
} catch (error) {
  tell({ type: 'failed', message: messageOf(error) })
}
port.close()
