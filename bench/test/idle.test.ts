import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { measureIdle, readIdle } from '../src/idle.ts'
import type { IdlePhase } from '../src/scenario.ts'

const body = '{"status":"ok"}'
const ok = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const idle: IdlePhase = {
  connections: 30,
  connectionsPerAddress: 10,
  settleS: 0.05,
  durationS: 0.1,
  gives: { bytesPerConnection: 'bytesPerConnection', idleCpuRatio: 'idleCpuRatio' },
}

let addresses: Map<string, number>
let open: Set<Socket>
/** What the server does with the n-th connection's request, from 1. */
let answer: (socket: Socket, nth: number) => void
const server = createServer((socket) => {
  open.add(socket)
  socket.on('close', () => open.delete(socket)).on('error', () => {})
  const address = socket.remoteAddress!
  addresses.set(address, (addresses.get(address) ?? 0) + 1)
  socket.once('data', () => answer(socket, open.size))
})
let url: string

beforeEach(async () => {
  addresses = new Map()
  open = new Set()
  answer = (socket) => void socket.write(ok)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
})
afterEach(async () => {
  for (const socket of open) socket.destroy()
  server.close()
  await once(server, 'close')
})

// Elsewhere than on Linux only 127.0.0.1 is there without an administrator's help.
describe.skipIf(process.platform !== 'linux')('a server on loopback', () => {
  test('connections come from as many addresses as the cap asks for, are held, and are closed again', async () => {
    const record = await measureIdle(process.pid, url, idle)
    expect(record).toMatchObject({ answered: 30, lost: 0, refusal: undefined })
    expect([...addresses]).toEqual([
      ['127.0.0.2', 10],
      ['127.0.0.3', 10],
      ['127.0.0.4', 10],
    ])
    expect(record.heldS).toBeGreaterThanOrEqual(0.09)
    expect(record.emptyBytes).toBeGreaterThan(1_000_000)
    await expect.poll(() => open.size).toBe(0)
  })

  test('connections that are refused are counted, with the first reason', async () => {
    answer = (socket, nth) =>
      void (nth > 25 ? socket.end('HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n') : socket.write(ok))
    const record = await measureIdle(process.pid, url, idle)
    expect(record.answered).toBeLessThan(30)
    expect(record.refusal).toBe('answered with HTTP/1.1 503 Full')
  })

  test('connections that the server closes while they are held are lost', async () => {
    answer = (socket, nth) => {
      socket.write(ok)
      if (nth <= 3) setTimeout(() => socket.destroy(), 30)
    }
    const record = await measureIdle(process.pid, url, idle)
    expect(record).toMatchObject({ answered: 30 })
    expect(record.lost).toBeGreaterThanOrEqual(1)
  })

  test('an interruption ends it and closes what is open', async () => {
    await expect(
      measureIdle(process.pid, url, { ...idle, durationS: 60 }, { signal: AbortSignal.timeout(300) }),
    ).rejects.toThrow(/abort|timeout/i)
    await expect.poll(() => open.size).toBe(0)
  })
})

test('figures are per answered connection, and CPU is in cores', () => {
  const record = {
    answered: 100,
    refusal: undefined,
    lost: 0,
    emptyBytes: 1_000_000,
    residentBytes: 1_300_000,
    serverCpuUs: 50_000,
    heldS: 5,
  }
  expect(readIdle('bytesPerConnection', record)).toBe(3000)
  expect(readIdle('idleCpuRatio', record)).toBeCloseTo(0.01)
})
