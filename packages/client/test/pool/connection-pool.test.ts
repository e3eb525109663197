import { ConnectionPool, type ConnectionPoolOptions } from '@qps/client'
import { ManualClock } from '@qps/core'
import { expect, test } from 'vitest'
import { type FakeConnection, Peers, settled } from './peers.ts'

interface Bench {
  pool: ConnectionPool<FakeConnection>
  peers: Peers
  clock: ManualClock
}

function bench(options: Partial<ConnectionPoolOptions<FakeConnection>> = {}): Bench {
  const peers = new Peers()
  const clock = new ManualClock()
  const pool = new ConnectionPool({ ...peers, clock, random: () => 0, connectionsMax: 2, ...options })
  return { pool, peers, clock }
}

/** Acquires with connections that come at once. */
async function acquire({ pool, peers }: Bench): Promise<Awaited<ReturnType<typeof pool.acquire>>> {
  const lease = pool.acquire()
  await settled()
  peers.attempts[0]?.succeed()
  return lease
}

test('the connection used last is reused first, so that those beyond the need grow idle and go', async () => {
  const at = bench({ idleTimeoutMs: 1000 })
  const [first, second] = [await acquire(at), await acquire(at)]
  const hot = first.connection
  const spare = second.connection
  second.release()
  first.release()
  for (let use = 0; use < 9; use++) {
    at.clock.advance(150)
    using lease = await acquire(at)
    expect(lease.connection).toBe(hot)
  }
  expect([hot.open, spare.open]).toEqual([true, false])
  expect(at.pool.stats).toMatchObject({ idle: 1, opened: 2, reused: 9 })
})

test('whoever waits longest is served first, however the connection came free', async () => {
  const at = bench()
  const { pool, peers } = at
  const held = [await acquire(at), await acquire(at)]
  const served: number[] = []
  const waits = [0, 1, 2].map(async (turn) => {
    using _lease = await pool.acquire()
    served.push(turn)
  })
  held[0]!.release()
  held[1]!.discard()
  await settled()
  peers.attempts[0]?.succeed()
  await Promise.all(waits)
  expect(served).toEqual([0, 1, 2])
})

test('a failed attempt is told to the caller that waits longest, and the next attempt starts', async () => {
  const { pool, peers } = bench({ connectionsMax: 1 })
  const waits = [pool.acquire(), pool.acquire()]
  await settled()
  expect(peers.attempts.length).toBe(1)
  peers.attempts[0]!.fail()
  await expect(waits[0]).rejects.toMatchObject({ code: 'QPS_POOL_CONNECT', retryable: true })
  peers.attempts[0]!.succeed()
  expect((await waits[1]!).connection.open).toBe(true)
})

test('an attempt that hangs is given up at its timeout and frees its place', async () => {
  const { pool, peers, clock } = bench({ connectTimeoutMs: 5000, connectionsMax: 1 })
  const waiting = pool.acquire()
  await settled()
  clock.advance(4999)
  expect(pool.stats).toMatchObject({ connecting: 1, waiting: 1 })
  clock.advance(1)
  await expect(waiting).rejects.toMatchObject({ code: 'QPS_POOL_CONNECT' })
  await settled()
  expect(pool.stats).toMatchObject({ connecting: 0, connectFailures: 1 })
  expect(peers.attempts).toEqual([])
})

test('a connection that arrives after its attempt was given up is closed unseen', async () => {
  const late = Promise.withResolvers<FakeConnection>()
  const { pool, clock, peers } = bench({ connect: () => late.promise })
  const waiting = pool.acquire()
  clock.advance(5000)
  await expect(waiting).rejects.toMatchObject({ code: 'QPS_POOL_CONNECT' })
  const connection = { id: 0, open: true }
  peers.all.push(connection)
  late.resolve(connection)
  await settled()
  expect(connection.open).toBe(false)
  expect(pool.stats).toMatchObject({ idle: 0, busy: 0, opened: 0 })
})

test('a connection is closed at the end of its life though it is in use all the time', async () => {
  const at = bench({ idleTimeoutMs: 1000, lifetimeMs: 2500 })
  const first = await acquire(at)
  const { connection } = first
  first.release()
  for (let use = 0; use < 5; use++) {
    at.clock.advance(499)
    at.pool.tryAcquire()!.release()
  }
  at.clock.advance(5)
  expect([connection.open, at.pool.tryAcquire()]).toEqual([false, undefined])
})

test('an idle connection is closed after the idle timeout, and no timer is left', async () => {
  const at = bench({ idleTimeoutMs: 1000 })
  const lease = await acquire(at)
  const { connection } = lease
  lease.release()
  at.clock.advance(998)
  expect(connection.open).toBe(true)
  at.clock.advance(2)
  expect([connection.open, at.pool.stats.idle, at.clock.pending]).toEqual([false, 0, 0])
})

test('a connection that the pool does not know can be lost', () => {
  expect(() => bench().pool.lost({ id: -1, open: false })).not.toThrow()
})

test('lifetimes are jittered, so that connections of one burst are not replaced in one burst', async () => {
  const draws = [0, 1]
  const at = bench({ lifetimeMs: 1000, lifetimeJitterRatio: 0.5, random: () => draws.shift()! })
  const [whole, half] = [await acquire(at), await acquire(at)]
  const connections = [whole.connection, half.connection]
  whole.release()
  half.release()
  at.clock.advance(501)
  expect(connections.map(({ open }) => open)).toEqual([true, false])
})

test('a connection lost while idle or busy is not handed out again', async () => {
  const at = bench()
  const [idle, busy] = [await acquire(at), await acquire(at)]
  const gone = [idle.connection, busy.connection]
  idle.release()
  for (const connection of gone) at.pool.lost(connection)
  expect(at.pool.stats).toMatchObject({ idle: 0, busy: 1 })
  busy.release()
  expect(at.pool.tryAcquire()).toBeUndefined()
  expect(at.peers.open).toBe(0)
})

test('idleMax bounds what is kept, and the one idle for longest makes room', async () => {
  const at = bench({ idleMax: 1 })
  const [old, recent] = [await acquire(at), await acquire(at)]
  const connections = [old.connection, recent.connection]
  old.release()
  recent.release()
  expect(connections.map(({ open }) => open)).toEqual([false, true])
})

test('waiters are bounded, and each can give up by signal or deadline', async () => {
  const at = bench({ connectionsMax: 1, waitersMax: 2 })
  const held = await acquire(at)
  const reason = new Error('the user left')
  const controller = new AbortController()
  const leaving = at.pool.acquire({ signal: controller.signal })
  const late = at.pool.acquire({ deadlineMs: at.clock.nowMs() + 50 })
  await expect(at.pool.acquire()).rejects.toMatchObject({ code: 'QPS_POOL_BUSY', retryable: true })
  controller.abort(reason)
  await expect(leaving).rejects.toBe(reason)
  at.clock.advance(50)
  await expect(late).rejects.toMatchObject({ code: 'QPS_POOL_DEADLINE', retryable: true })
  await expect(at.pool.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  held.release()
  expect(at.pool.stats).toMatchObject({ idle: 1, busy: 0, waiting: 0 })
})

test('close ends waiters and idle connections at once and busy ones when they come back', async () => {
  const at = bench({ connectionsMax: 1 })
  const held = await acquire(at)
  const waiting = at.pool.acquire()
  let closed = false
  const closing = at.pool.close().then(() => (closed = true))
  await expect(waiting).rejects.toMatchObject({ code: 'QPS_POOL_CLOSED' })
  await settled()
  expect(closed).toBe(false)
  held.release()
  await closing
  expect([at.peers.open, at.peers.closedTwice]).toEqual([0, 0])
  await expect(at.pool.acquire()).rejects.toMatchObject({ code: 'QPS_POOL_CLOSED' })
  await at.pool.close()
})

test('a lease is given back once, and its connection is out of reach afterwards', async () => {
  const at = bench()
  const lease = await acquire(at)
  lease.release()
  expect(() => lease.release()).toThrow('given back twice')
  expect(() => lease.connection).toThrow('after its lease was given back')
  lease[Symbol.dispose]()
  expect(at.pool.stats).toMatchObject({ idle: 1, busy: 0 })
})

test.each([
  [{ connectionsMax: 0 }, 'connectionsMax must be a whole number from 1 to 65536, not 0'],
  [{ idleMax: 3 }, 'idleMax must be a whole number from 0 to 2, not 3'],
  [{ lifetimeJitterRatio: 2 }, 'lifetimeJitterRatio must be a number from 0 to 1, not 2'],
  [{ connect: 'tcp' as never }, 'connect must be a function, not "tcp"'],
])('a wrong option is named with its value and range: %o', (options, message) => {
  expect(() => bench(options)).toThrow(message)
})
