import { type AddressInfo, createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { Received } from './socket-work.ts'

/*
 * The other end of socket-work.ts: reads what comes and throws it away. It says its port; then, asked by the number of bytes
 * that were sent, what it has got, as soon as it has all of them.
 */
const received: Received = { bytes: 0, checksum: 0 }
let awaited = Infinity
const { summing } = workerData as { summing: boolean }

function tellWhenComplete(): void {
  if (received.bytes < awaited) return
  awaited = Infinity
  parentPort!.postMessage(received)
}

const server = createServer((socket) => {
  socket.on('data', (chunk: Buffer) => {
    received.bytes += chunk.length
    if (summing) for (const byte of chunk) received.checksum = (Math.imul(received.checksum, 31) + byte) | 0
    tellWhenComplete()
  })
  // The end of this thread is the writer's to choose.
  socket.on('error', () => {})
})
server.listen(0, '127.0.0.1', () => parentPort!.postMessage((server.address() as AddressInfo).port))
parentPort!.on('message', (bytes: number) => {
  awaited = bytes
  tellWhenComplete()
})
