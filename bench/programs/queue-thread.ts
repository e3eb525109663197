import { Channel } from '@qps/queue'
import { type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads'
import type { QueueJob, QueueReport } from './queue-job.ts'

/** Messages that are sent or received in a row, and that one credit stands for. */
const batch = 32

/* A thread that sends or receives until it is told to stop, or until there is nothing more, and reports. */
const job = workerData as QueueJob
const board = new Int32Array(job.board)
const report: QueueReport = { count: 0, sum: 0 }

function stopped(): boolean {
  return Atomics.load(board, 0) === 1
}

/** Writes a number into a message, and counts it. */
function numbered(message: Uint8Array): Uint8Array {
  const number = ++report.count
  message[0] = number
  message[1] = number >>> 8
  message[2] = number >>> 16
  message[3] = number >>> 24
  report.sum = (report.sum + number) | 0
  return message
}

function note(message: Uint8Array): void {
  if (message.length !== job.bytes) throw new Error(`a message of ${message.length} bytes`)
  board[job.countAt] = ++report.count
  report.sum = (report.sum + (message[0]! | (message[1]! << 8) | (message[2]! << 16) | (message[3]! << 24))) | 0
}

async function send(channel: Channel): Promise<void> {
  const messages = Array.from({ length: batch }, () => new Uint8Array(job.bytes))
  const message = messages[0]!
  while (!stopped()) {
    if (job.way === 'channel') channel.sendSync(numbered(message))
    else if (job.way === 'channel-promises') await channel.send(numbered(message))
    else {
      for (const one of messages) numbered(one)
      for (let sent = 0; sent < batch;) {
        sent += channel.trySendMany(messages, sent)
        if (sent < batch) channel.sendSync(messages[sent++]!)
      }
    }
  }
}

async function receive(channel: Channel): Promise<void> {
  if (job.way === 'channel-promises') {
    for await (const message of channel) note(message)
    return
  }
  while (!channel.ended) {
    if (job.way === 'channel-batches' && channel.drain(note, batch) > 0) continue
    try {
      note(channel.receiveSync())
    } catch (error) {
      if (!channel.ended) throw error
    }
  }
}

/** To each receiver in turn. A port has no bound: receivers say how far they are, and the sender waits for that. */
function post(ports: readonly MessagePort[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const credits = ports.map(() => Math.floor(job.capacity / ports.length))
  const message = new Uint8Array(job.bytes)
  const go = (): void => {
    while (!stopped()) {
      const at = report.count % ports.length
      if (credits[at] === 0) return
      credits[at]!--
      ports[at]!.postMessage(numbered(message))
    }
    for (const port of ports) {
      port.postMessage(undefined)
      port.close()
    }
    resolve()
  }
  for (const [at, port] of ports.entries()) {
    port.on('message', () => {
      credits[at]! += batch
      go()
    })
  }
  go()
  return promise
}

function hear(ports: readonly MessagePort[]): Promise<unknown> {
  return Promise.all(
    ports.map((port) => {
      let count = 0
      port.on('message', (message: Uint8Array | undefined) => {
        if (message === undefined) return
        note(message)
        if (++count % batch === 0) port.postMessage(batch)
      })
      return new Promise((resolve) => port.once('close', resolve))
    }),
  )
}

/** Node ends a thread that waits for nothing but shared memory; this one listens to its parent while it works. */
parentPort!.on('message', () => {})
parentPort!.postMessage('ready')
if (job.handle === undefined) await (job.role === 'send' ? post(job.ports) : hear(job.ports))
else {
  using channel = Channel.attach(job.handle, { threadId })
  await (job.role === 'send' ? send(channel) : receive(channel))
}
parentPort!.postMessage(report)
parentPort!.close()
