import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { siblingModule, sourceFlags } from '@qps/core'

export interface BystanderResult {
  requests: number
  /** Connections lost, or answers other than 200. */
  errors: number
  latencyMsP50: number
  latencyMsP99: number
  latencyMsMax: number
}

export interface Bystander {
  stop(): Promise<BystanderResult>
}

/**
 * An ordinary client on one kept-alive connection that asks at a fixed pace. What it measures is what others suffer
 * while a server is attacked. Latency counts from the intended start, so a stall shows in every request that it delays.
 * It has a thread of its own: the attack, which runs in the caller's, would else be taken for the server's slowness.
 *
 * @param rateQps requests a second; default 50.
 * @returns when it has connected.
 */
export async function startBystander(port: number, rateQps = 50): Promise<Bystander> {
  const thread = new Worker(siblingModule(import.meta.url, './bystander-thread'), {
    workerData: { port, rateQps },
    execArgv: sourceFlags(import.meta.url),
  })
  await once(thread, 'message')
  return {
    async stop() {
      const answer = once(thread, 'message')
      thread.postMessage('stop')
      const [result] = (await answer) as [BystanderResult]
      return result
    },
  }
}
