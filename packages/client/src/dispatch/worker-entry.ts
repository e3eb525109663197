import { parentPort, workerData } from 'node:worker_threads'
import { invariant, messageOf, QpsError } from '@qps/core'
import { type DispatcherOptions, exchange, type HttpRequest } from './http-dispatcher.ts'
import { createDispatcher } from './shared.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

/* A thread of the per-worker dispatcher: a client of its own, and nothing shared. */
invariant(parentPort, 'this module is the entry of a worker thread')
const port = parentPort
const dispatcher = createDispatcher(workerData as DispatcherOptions)

port.on('message', (message: ToWorker) => {
  if (message.type === 'request') void answer(message.id, message.request)
  else void dispatcher.close().then(() => port.close())
})

async function answer(id: number, request: HttpRequest): Promise<void> {
  try {
    const { status, headers, body } = await exchange(dispatcher, request)
    // A buffer of its own: one from Node's shared pool cannot be moved.
    const own = new Uint8Array(body)
    post({ type: 'answer', id, status, headers: { ...headers }, body: own }, [own.buffer])
  } catch (error) {
    const { code, retryable, hint } =
      error instanceof QpsError ? error : { code: 'QPS_CLIENT_WORKER', retryable: false, hint: undefined }
    post({ type: 'error', id, code, message: messageOf(error), retryable, hint })
  }
}

function post(message: FromWorker, moved: ArrayBuffer[] = []): void {
  port.postMessage(message, moved)
}
