import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Histogram } from '@qps/stats'
import { answerEnd } from './answer-end.ts'
import type { BystanderResult } from './bystander.ts'

const { port, rateQps } = workerData as { port: number; rateQps: number }
const periodMs = 1000 / rateQps
const latencyUs = new Histogram()
let errors = 0
let due: number[] = []
let received = ''

const socket = connect({ port, host: '127.0.0.1', noDelay: true })
socket.on('error', () => {})
socket.on('close', () => (errors += due.length))
socket.on('data', (chunk: Buffer) => {
  received += chunk.toString('latin1')
  for (let end = answerEnd(received); end !== -1; end = answerEnd(received)) {
    if (!received.startsWith('HTTP/1.1 200 ')) errors++
    received = received.slice(end)
    const dueMs = due.shift()
    if (dueMs !== undefined) latencyUs.record(Math.max(1, Math.round((performance.now() - dueMs) * 1000)))
  }
})
await Promise.race([once(socket, 'connect'), once(socket, 'close')])

let nextMs = performance.now()
const timer = setInterval(
  () => {
    for (const nowMs = performance.now(); nextMs <= nowMs; nextMs += periodMs) {
      due.push(nextMs)
      if (socket.writable) socket.write('GET / HTTP/1.1\r\nHost: bystander\r\n\r\n')
      else errors++
    }
  },
  Math.min(periodMs, 5),
)
parentPort!.postMessage('connected')
await once(parentPort!, 'message')
clearInterval(timer)
const endMs = performance.now() + 1_000
while (due.length > 0 && !socket.destroyed && performance.now() < endMs) await sleep(10)
due = []
socket.destroy()
parentPort!.postMessage({
  requests: latencyUs.count,
  errors,
  latencyMsP50: latencyUs.percentile(0.5) / 1000,
  latencyMsP99: latencyUs.percentile(0.99) / 1000,
  latencyMsMax: latencyUs.max / 1000,
} satisfies BystanderResult)
parentPort!.close()
