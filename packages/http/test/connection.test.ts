import type { IncomingMessage, ServerResponse } from 'node:http'
import { Connection, type HttpLimits, httpLimits, type Verdict } from '@qps/http'
import { expect, test } from 'vitest'

/** A connection whose counters move by hand, swept every 250 ms. */
function watch(limits: HttpLimits = httpLimits) {
  const socket = { bytesRead: 0, bytesWritten: 0, writableLength: 0 }
  const request = { complete: true, readableLength: 0, readableHighWaterMark: 65_536 }
  const connection = new Connection(socket, 0)
  let nowMs = 0
  return {
    socket,
    request,
    connection,
    begin: () => connection.begin(request as IncomingMessage, {} as ServerResponse, nowMs),
    /** Sweeps until there is a verdict or the time is over. */
    sweep(untilMs: number, { crowded = false, each = () => {} } = {}): [Verdict | undefined, number] {
      while (nowMs < untilMs) {
        nowMs += limits.sweepMs
        each()
        const verdict = connection.judge(nowMs, limits, crowded)
        if (verdict !== undefined) return [verdict, nowMs]
      }
      return [undefined, nowMs]
    },
  }
}

test('a reader that takes nothing is cut within 10 s, and not before 9', () => {
  const { socket, begin, sweep } = watch()
  begin()
  Object.assign(socket, { bytesWritten: 1_048_576, writableLength: 983_040 })
  const [verdict, atMs] = sweep(20_000)
  expect(verdict).toBe('slow-reader')
  expect(atMs).toBeGreaterThan(9_000)
  expect(atMs).toBeLessThanOrEqual(10_000)
})

test('a reader that takes one slice in 9 s stays', () => {
  const { socket, begin, sweep } = watch()
  begin()
  for (let slice = 1; slice <= 5; slice++) {
    Object.assign(socket, { bytesWritten: slice * 65_536, writableLength: 65_536 })
    expect(sweep(slice * 9_000)[0]).toBeUndefined()
  }
})

test('a body of a byte a second is cut once the grace is over', () => {
  const { socket, request, begin, sweep } = watch()
  request.complete = false
  begin()
  const [verdict, atMs] = sweep(20_000, { each: () => void (socket.bytesRead += 0.25) })
  expect(verdict).toBe('slow-body')
  expect(atMs).toBeGreaterThanOrEqual(5_000)
  expect(atMs).toBeLessThan(5_500)
})

test('a body of 500 B/s stays, of 450 B/s does not', () => {
  for (const [bytesPerS, expected] of [
    [500, undefined],
    [450, 'slow-body'],
  ] as const) {
    const { socket, request, begin, sweep } = watch()
    request.complete = false
    begin()
    expect(sweep(9_750, { each: () => void (socket.bytesRead += bytesPerS / 4) })[0]).toBe(expected)
  }
})

test('a client is not blamed for a handler that does not read', () => {
  const { request, begin, sweep } = watch()
  Object.assign(request, { complete: false, readableLength: 65_536 })
  begin()
  expect(sweep(60_000)[0]).toBeUndefined()
})

test('a client that does not take an answer is a slow reader, not a slow sender of the next body', () => {
  const { socket, request, begin, sweep } = watch()
  request.complete = false
  begin()
  Object.assign(socket, { bytesWritten: 65_536, writableLength: 65_536 })
  expect(sweep(20_000)[0]).toBe('slow-reader')
})

test('a body that nobody reads is not discarded endlessly', () => {
  const { socket, request, connection, begin, sweep } = watch()
  request.complete = false
  begin()
  connection.finish()
  const [verdict] = sweep(9_000, { each: () => void (socket.bytesRead += 1_000_000) })
  expect(verdict).toBe('body')
})

/** A connection that had a request and is now at rest. */
function idle(): ReturnType<typeof watch> {
  const watched = watch()
  watched.socket.bytesRead = 100
  watched.begin()
  watched.connection.finish()
  return watched
}

test('an idle connection is cut within 8 s where connections are scarce, else left to the idle limit', () => {
  expect(idle().sweep(60_000)[0]).toBeUndefined()
  expect(idle().sweep(60_000, { crowded: true })).toEqual(['crowded-idle', 7_750])
})

test('who was idle in a crowd stays on the short limit when the crowd is gone, until the next request', () => {
  const { sweep } = idle()
  expect(sweep(7_000, { crowded: true })[0]).toBeUndefined()
  expect(sweep(20_000)).toEqual(['crowded-idle', 7_750])
  const active = idle()
  expect(active.sweep(7_000, { crowded: true })[0]).toBeUndefined()
  active.socket.bytesRead += 100
  active.begin()
  active.connection.finish()
  expect(active.sweep(60_000)[0]).toBeUndefined()
})

test('in a crowd a header section has 3 s, from the opening or from its first byte', () => {
  expect(watch().sweep(60_000)[0]).toBeUndefined()
  expect(watch().sweep(60_000, { crowded: true })).toEqual(['timeout', 2_750])
  const thinned = watch()
  expect(thinned.sweep(1_000, { crowded: true })[0]).toBeUndefined()
  expect(thinned.sweep(60_000)).toEqual(['timeout', 2_750])
  const later = idle()
  expect(later.sweep(5_000, { crowded: true })[0]).toBeUndefined()
  const each = (): void => void later.socket.bytesRead++
  expect(later.sweep(60_000, { crowded: true, each })).toEqual(['timeout', 8_000])
})

test('a request in flight is not idle however long it takes', () => {
  const { begin, sweep } = watch()
  begin()
  expect(sweep(120_000, { crowded: true })[0]).toBeUndefined()
})

test('lingering ends when the client stops sending, at the time limit, or at the byte limit', () => {
  const quiet = watch()
  quiet.connection.linger(0)
  expect(quiet.sweep(20_000)).toEqual(['linger-over', 1_000])
  const trickle = watch()
  trickle.connection.linger(0)
  expect(trickle.sweep(20_000, { each: () => void trickle.socket.bytesRead++ })).toEqual(['linger-over', 5_000])
  const flood = watch()
  flood.connection.linger(0)
  const [, atMs] = flood.sweep(20_000, { each: () => void (flood.socket.bytesRead += 8 * 1024 * 1024) })
  expect(atMs).toBe(750)
})

test('a connection is at rest between requests, not with a piece of the next one', () => {
  const { socket, connection, begin } = watch()
  expect(connection.isAtRest).toBe(true)
  socket.bytesRead = 100
  begin()
  expect(connection.isAtRest).toBe(false)
  connection.finish()
  expect(connection.isAtRest).toBe(true)
  socket.bytesRead = 101
  expect(connection.isAtRest).toBe(false)
})

test('a body that is discarded after an early answer is not taken for the next request', () => {
  const { socket, request, connection, begin, sweep } = watch()
  request.complete = false
  begin()
  connection.finish()
  expect(connection.isAtRest).toBe(false)
  Object.assign(socket, { bytesRead: 5_000 })
  request.complete = true
  expect(sweep(7_000, { crowded: true })[0]).toBeUndefined()
  expect(connection.isAtRest).toBe(true)
})
