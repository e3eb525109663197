import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '@qps/core'
import { generate, type HelperInput } from './generate.ts'

/* A helper that is a thread. */

invariant(parentPort, 'worker.ts runs in a worker thread')
const port = parentPort

await generate(workerData as HelperInput, {
  tell: (message) => port.postMessage(message),
  onCommand: (listener) => void port.on('message', listener),
})
port.close()
