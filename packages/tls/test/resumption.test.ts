import { fork } from 'node:child_process'
import { constants, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ManualClock } from '@qps/core'
import { countHandshakes, secureContextOptions, SessionStore, TicketKeys } from '@qps/tls'
import { describe, expect, test } from 'vitest'
import { listen, localhost, only, shake, versions } from './handshakes.ts'

const program = new URL('fixtures/server-process.ts', import.meta.url)
const flags = ['--conditions=@qps/source']

interface Remote extends AsyncDisposable {
  port: number
}

type Start = (secret?: string) => Promise<Remote>

const inProcess: Start = async (secret) => {
  // The program's arguments differ: by Node's default that alone keeps sessions apart.
  const child = fork(program, [randomBytes(4).toString('hex')], {
    execArgv: flags,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  child.send({ ...localhost, secret })
  const [port] = (await once(child, 'message')) as [number]
  return {
    port,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

const inThread: Start = async (secret) => {
  const worker = new Worker(program, { execArgv: flags })
  worker.postMessage({ ...localhost, secret })
  const [port] = (await once(worker, 'message')) as [number]
  return { port, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}

describe.each([
  ['processes', inProcess],
  ['threads', inThread],
])('a ticket between two %s', (_, start) => {
  test(
    'is of no use where each has keys of its own, and resumes where they share a secret',
    { timeout: 60_000 },
    async () => {
      const secret = randomBytes(32).toString('hex')
      const [alone, other, first, second] = await Promise.all([start(), start(), start(secret), start(secret)])
      await using stack = new AsyncDisposableStack()
      for (const remote of [alone, other, first, second]) stack.use(remote)
      for (const version of versions) {
        const own = await shake(alone.port, only(version))
        const shared = await shake(first.port, only(version))
        expect(own.session, 'the client holds a session').toBeDefined()
        expect([own.resumed, shared.resumed]).toEqual([false, false])
        expect((await shake(alone.port, { ...only(version), session: own.session! })).resumed, `${version}, same`).toBe(
          true,
        )
        expect((await shake(other.port, { ...only(version), session: own.session! })).resumed, `${version}, own`).toBe(
          false,
        )
        expect(
          (await shake(second.port, { ...only(version), session: shared.session! })).resumed,
          `${version}, shared`,
        ).toBe(true)
      }
    },
  )
})

test.each(versions)('%s: handshakes are counted, full, resumed and failed', async (version) => {
  await using listening = await listen(secureContextOptions(localhost))
  using counter = countHandshakes(listening.server)
  expect(counter.counts()).toEqual({ full: 0, resumed: 0, failed: 0, resumedRatio: 0 })
  const { session } = await shake(listening.port, only(version))
  for (let times = 0; times < 3; times++) await shake(listening.port, { ...only(version), session: session! })
  await expect(shake(listening.port, { ...only('TLSv1.2'), ciphers: 'AES128-SHA' })).rejects.toThrow()
  expect(counter.counts()).toEqual({ full: 1, resumed: 3, failed: 1, resumedRatio: 0.75 })
})

test('a ticket lives no longer than a slot', async () => {
  const clock = new ManualClock()
  const tickets = new TicketKeys({ secret: randomBytes(32), slotMs: 2000, clock })
  expect(secureContextOptions({ ...localhost, tickets })).toMatchObject({ sessionTimeout: 2 })
})

describe('sessions by id', () => {
  const noTickets = { ...only('TLSv1.2'), secureOptions: constants.SSL_OP_NO_TICKET }

  test('a client of TLS 1.2 that takes no tickets resumes from the store', async () => {
    const store = new SessionStore()
    await using listening = await listen(secureContextOptions(localhost), (server) => store.attach(server))
    const { session } = await shake(listening.port, noTickets)
    expect((await shake(listening.port, { ...noTickets, session: session! })).resumed).toBe(true)
    expect(store.stats()).toEqual({ entries: 1, hits: 1, misses: 0, evicted: 0 })
  })

  test('without the store it does not resume', async () => {
    await using listening = await listen(secureContextOptions({ ...localhost, tickets: 'none' }))
    const { session } = await shake(listening.port, only('TLSv1.2'))
    expect((await shake(listening.port, { ...only('TLSv1.2'), session: session! })).resumed).toBe(false)
  })

  test('sessions of TLS 1.3 are not kept, and resume by ticket all the same', async () => {
    const store = new SessionStore()
    await using listening = await listen(secureContextOptions(localhost), (server) => store.attach(server))
    const { session } = await shake(listening.port, only('TLSv1.3'))
    expect((await shake(listening.port, { ...only('TLSv1.3'), session: session! })).resumed).toBe(true)
    expect(store.stats().entries).toBe(0)
  })

  test('the oldest makes room, and none outlives its time', async () => {
    const clock = new ManualClock()
    const store = new SessionStore({ entriesMax: 2, lifetimeMs: 10_000, clock })
    await using listening = await listen(secureContextOptions(localhost), (server) => store.attach(server))
    const sessions: Buffer[] = []
    for (let made = 0; made < 3; made++) sessions.push((await shake(listening.port, noTickets)).session!)
    const resumed = async (session: Buffer): Promise<boolean> =>
      (await shake(listening.port, { ...noTickets, session })).resumed
    expect(await resumed(sessions[2]!)).toBe(true)
    expect(store.stats()).toEqual({ entries: 2, hits: 1, misses: 0, evicted: 1 })
    expect(await resumed(sessions[0]!)).toBe(false)
    clock.advance(10_000)
    expect(await resumed(sessions[2]!)).toBe(false)
    expect(store.stats()).toMatchObject({ entries: 1, misses: 2, evicted: 2 })
  })
})
