import type { Socket } from 'node:net'
import { seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { answering, backends, collect, dispatcherOn, serveBytes } from './client-servers.ts'

/*
 * A server that does something else each time: answers late, in pieces, in chunks, until the close, with `close`, with a
 * reset, or not at all. Whatever it does, a request gets the answer to itself or an error, and gets it once.
 */
const random = seededRandom(7)
const chance = (ratio: number): boolean => random() < ratio

const later = (action: () => void): void => void setTimeout(action, random() * 3)

/** Writes in pieces, each in a turn of its own, in the order of requests. */
function say(queue: { text: string; after: () => void }[], socket: Socket): void {
  const next = queue[0]
  if (next === undefined) return
  const cut = chance(0.5) ? next.text.length : 1 + Math.floor(random() * next.text.length)
  if (!socket.writableEnded) socket.write(next.text.slice(0, cut), 'latin1')
  next.text = next.text.slice(cut)
  if (next.text === '') {
    queue.shift()
    next.after()
  }
  if (queue.length > 0) later(() => say(queue, socket))
}

function answerTo(path: string): { text: string; closes: boolean } {
  const body = `${path}${'.'.repeat(Math.floor(random() * 300))}`
  if (chance(0.05)) return { text: `HTTP/1.1 200 OK\r\n\r\n${body}`, closes: true }
  const interim = chance(0.1) ? 'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n' : ''
  const closes = chance(0.05)
  const head = `${interim}HTTP/1.1 200 OK\r\n${closes ? 'Connection: close\r\n' : ''}`
  if (chance(0.4)) {
    const half = body.length >> 1
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
    return {
      text: `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`,
      closes,
    }
  }
  return { text: `${head}Content-Length: ${body.length}\r\n\r\n${body}`, closes }
}

describe.each(backends)('on %s', (backend) => {
  test.each([
    ['one at a time', 1],
    ['pipelined', 6],
  ])('every request gets its own answer or an error, once: %s', { timeout: 30_000 }, async (_name, pipelining) => {
    const queues = new Map<Socket, { text: string; after: () => void }[]>()
    const silent = new Set<Socket>()
    await using server = await serveBytes(
      answering((head, socket) => {
        const queue = queues.get(socket) ?? []
        queues.set(socket, queue)
        if (chance(0.01)) return void socket.resetAndDestroy()
        // From here on it says nothing: an answer left out would make the next one answer the wrong request.
        if (chance(0.01)) silent.add(socket)
        if (silent.has(socket)) return undefined
        const { text, closes } = answerTo(head.split(' ')[1]!)
        queue.push({ text, after: () => closes && socket.end() })
        if (queue.length === 1) later(() => say(queue, socket))
        return undefined
      }),
    )
    const options = { connectionsMax: 5, pipelining, retryOnReset: true, headTimeoutMs: 150, idleTimeoutMs: 50 }
    await using client = dispatcherOn(backend, server.port, options)
    const paths = Array.from({ length: 600 }, (_, index) => `/${index}/`)
    const outcomes = await Promise.all(
      paths.map((path) => {
        const { handler, outcome } = collect()
        const exchange = client.dispatcher.dispatch({ path }, handler)
        if (chance(0.02)) later(() => exchange.abort())
        return outcome
      }),
    )
    let answered = 0
    for (const [index, outcome] of outcomes.entries()) {
      const own = new RegExp(`^200:${paths[index]!}\\.*$`)
      const failed = /^(?:200:[^Q]*)?QPS_(?:CLOSED|TIMEOUT|ABORTED)$/
      expect(own.test(outcome) || failed.test(outcome), `${paths[index]} got ${outcome}`).toBe(true)
      if (own.test(outcome)) answered++
    }
    expect(answered).toBeGreaterThan(300)
    expect(server.sockets.length).toBeGreaterThan(5)
    await client.dispatcher.close()
    expect(client.dispatcher.stats).toMatchObject({ connections: 0, waiting: 0 })
  })
})
