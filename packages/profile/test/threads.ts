import { sourceFlags } from '@qps/core'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

const file = new URL('./busy-thread.ts', import.meta.url)
const lines = readFileSync(file, 'utf8').split('\n')

/** Starts a thread that does one thing over and over, see busy-thread.ts. */
export async function startBusyThread(what: 'burn' | 'allocate' | 'write' | 'deep'): Promise<AsyncDisposable> {
  const worker = new Worker(file, { workerData: what, execArgv: sourceFlags(import.meta.url) })
  await once(worker, 'message')
  return {
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

/** The line of busy-thread.ts, from 1, that has this text. */
export function lineOf(text: string): number {
  return lines.findIndex((line) => line.includes(text)) + 1
}

export const busyFile = 'packages/profile/test/busy-thread.ts'
export const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '')
