import { connect } from 'node:net'
import { Histogram } from '@qps/stats'

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
 *
 * @param rateQps requests a second; default 50.
 */
export function startBystander(port: number, rateQps = 50): Bystander {
  const latencyUs = new Histogram()
  const periodMs = 1000 / rateQps
  let errors = 0
  let due: number[] = []
  let received = ''
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let nextMs = performance.now()
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
  return {
    async stop() {
      clearInterval(timer)
      const endMs = performance.now() + 1_000
      while (due.length > 0 && !socket.destroyed && performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      due = []
      socket.destroy()
      return {
        requests: latencyUs.count,
        errors,
        latencyMsP50: latencyUs.percentile(0.5) / 1000,
        latencyMsP99: latencyUs.percentile(0.99) / 1000,
        latencyMsMax: latencyUs.max / 1000,
      }
    },
  }
}

/** Where the first complete answer in a text ends, or -1. */
export function answerEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return -1
  const length = /content-length: (\d+)/i.exec(text.slice(0, head))
  const end = head + 4 + Number(length?.[1] ?? 0)
  return text.length >= end ? end : -1
}
