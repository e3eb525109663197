import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Job, JobReport, Way } from './fixtures/job.ts'

/** A thread at work on a channel. */
export class Peer {
  readonly job: Job
  readonly worker: Worker
  readonly threadId: number
  readonly started: Promise<unknown>
  /** Rejects where the thread fails or ends without a report. */
  readonly report: Promise<JobReport>
  readonly exited: Promise<unknown>

  constructor(job: Job) {
    this.job = job
    this.worker = new Worker(new URL('fixtures/peer.ts', import.meta.url), {
      workerData: job,
      execArgv: ['--conditions=@qps/source'],
    })
    this.threadId = this.worker.threadId
    const { promise, resolve, reject } = Promise.withResolvers<JobReport>()
    this.started = once(this.worker, 'message')
    this.report = promise
    this.exited = new Promise((exit) => this.worker.once('exit', exit))
    this.worker.on('message', (message: 'started' | JobReport) => {
      if (message !== 'started') resolve(message)
    })
    this.worker.once('error', reject)
    this.worker.once('exit', () => reject(new Error(`thread ${this.threadId} ended without a report`)))
    // Of those that are killed nobody expects one.
    promise.catch(() => {})
  }

  kill(): void {
    void this.worker.terminate()
  }
}

export const ways: readonly Way[] = ['blocking', 'promises', 'batches']

/** What reports say that was received: the numbers of each producer, in no order. And per receiver in theirs. */
export function receivedBy(reports: readonly JobReport[]): { all: Map<number, number[]>; disorder: string[] } {
  const all = new Map<number, number[]>()
  const disorder: string[] = []
  for (const { received } of reports) {
    const last = new Map<number, number>()
    for (let at = 0; at < received.length; at += 2) {
      const [producer, number] = [received[at]!, received[at + 1]!]
      if (number <= (last.get(producer) ?? -1)) disorder.push(`${producer}: ${number} after ${last.get(producer)}`)
      last.set(producer, number)
      if (!all.has(producer)) all.set(producer, [])
      all.get(producer)!.push(number)
    }
  }
  for (const numbers of all.values()) numbers.sort((left, right) => left - right)
  return { all, disorder }
}

/** 0, 1, 2, … */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number)
}
