import { AsyncLocalStorage } from 'node:async_hooks'
import { existsSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { open, serve } from './peer.ts'
import { echo } from './recorder.ts'
import { pattern, sleep, type Subject, uncaught, until } from './subject.ts'

/** Descriptors of this process; 0 where the system does not show them. */
function descriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0
}

export function testLoop({ create }: Subject): void {
  test('ticks and promises of a callback run before the next turn', async () => {
    await using poller = await create()
    const log: string[] = []
    using served = await serve(poller, {
      onData({ connection }) {
        log.push('data')
        process.nextTick(() => log.push('tick'))
        void Promise.resolve().then(() => log.push('promise'))
        setImmediate(() => {
          log.push('immediate')
          connection.write(Buffer.from('y'))
        })
      },
    })
    const { peer } = await served.meet()
    for (let round = 1; round <= 3; round++) {
      peer.socket.write('x')
      await until(() => peer.bytes === round, 'the answer')
    }
    expect(log).toEqual([1, 2, 3].flatMap(() => ['data', 'tick', 'promise', 'immediate']))
  })

  test('what a promise writes leaves without waiting for anything else', async () => {
    await using poller = await create()
    using served = await serve(poller, {
      async onData({ connection }) {
        await Promise.resolve()
        connection.write(Buffer.from('later'))
      },
    })
    const { peer } = await served.meet()
    peer.socket.write('x')
    await until(() => peer.bytes === 5, 'the answer', 1_000)
  })

  test('what is asked for behind a turn runs once, in no context, when its callbacks have returned', async () => {
    await using poller = await create()
    const storage = new AsyncLocalStorage<string>()
    const log: string[] = []
    using served = await serve(poller, {
      onData: ({ connection }) =>
        storage.run('own', () => {
          for (const name of ['first', 'second']) poller.behindTurn(() => log.push(name, String(storage.getStore())))
          connection.write(Buffer.from('y'))
          log.push('returns')
        }),
    })
    const { peer } = await served.meet()
    for (let round = 1; round <= 3; round++) {
      peer.socket.write('x')
      await until(() => peer.bytes === round && log.length === 5 * round, 'the answer and what is behind it')
    }
    expect(log).toEqual([1, 2, 3].flatMap(() => ['returns', 'first', 'undefined', 'second', 'undefined']))
    // Nobody's turn: soon, and not at once.
    poller.behindTurn(() => log.push('outside'))
    expect(log).toHaveLength(15)
    await sleep(0)
    expect(log.slice(15)).toEqual(['outside'])
  })

  test('an error thrown behind a turn is an uncaughtException, and what stands behind it runs', async () => {
    await using poller = await create()
    const thrown = new Error('thrown behind a turn')
    let ran = 0
    using served = await serve(poller, {
      onData({ connection }) {
        poller.behindTurn(() => {
          throw thrown
        })
        poller.behindTurn(() => ran++)
        connection.write(Buffer.from('y'))
      },
    })
    const { peer } = await served.meet()
    const errors = await uncaught(1, async () => {
      peer.socket.write('x')
      await until(() => peer.bytes === 1, 'the answer')
    })
    expect([errors, ran]).toEqual([[thrown], 1])
  })

  test('the context of one connection does not reach the callbacks of another', async () => {
    await using poller = await create({ highWaterBytes: 1_024, lowWaterBytes: 512 })
    const storage = new AsyncLocalStorage<string>()
    const seen = new Set<string | undefined>()
    const look = (): unknown => seen.add(storage.getStore())
    using noisy = await serve(poller, {
      onData: ({ connection }, bytes, start, end) =>
        storage.run('noisy', () => void connection.write(bytes.slice(start, end))),
    })
    using quiet = await serve(poller, {
      onData(recorder, bytes, start, end) {
        look()
        echo.onData!(recorder, bytes, start, end)
      },
      onDrain: look,
      onEnd({ connection }) {
        look()
        connection.end()
      },
      onClose: look,
    })
    const noise = [await noisy.meet(), await noisy.meet(), await noisy.meet()].map(({ peer }) => peer)
    for (let round = 0; round < 20; round++) {
      const { peer, recorder } = await quiet.meet()
      for (const { socket } of noise) socket.write('x')
      // Whoever writes first in a turn is who asks for its end.
      storage.run('noisy', () => noisy.recorders[0]!.connection.write(Buffer.from('x')))
      expect(recorder.connection.write(pattern(5_000))).toBe(false)
      peer.socket.end(pattern(5_000))
      for (const { socket } of noise) socket.write('x')
      await until(() => recorder.closed && peer.closed, 'the quiet one closes')
    }
    expect([...seen]).toEqual([undefined])
  })

  test('a context that a callback enters for good ends with its turn', async () => {
    await using poller = await create()
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    using served = await serve(poller, {
      onData({ connection }) {
        seen.push(storage.getStore())
        storage.enterWith('for good')
        connection.write(Buffer.from('y'))
      },
    })
    const { peer } = await served.meet()
    for (let round = 1; round <= 40; round++) {
      peer.socket.write('x')
      await until(() => peer.bytes === round, 'the answer')
      // Every second time the loop sleeps in between.
      if (round % 2 === 0) await sleep(2)
    }
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  test('a callback keeps its own context across an await', async () => {
    await using poller = await create()
    const storage = new AsyncLocalStorage<number>()
    let next = 0
    using served = await serve(poller, {
      onData: ({ connection }) =>
        void storage.run(next++, async () => {
          await sleep(2)
          connection.write(Buffer.from([storage.getStore()!]))
        }),
    })
    const peers = await Promise.all(Array.from({ length: 10 }, async () => (await served.meet()).peer))
    for (const { socket } of peers) socket.write('x')
    await until(() => peers.every(({ bytes }) => bytes === 1), 'all answers')
    expect(peers.map(({ received }) => received[0]!).toSorted((a, b) => a - b)).toEqual([...peers.keys()])
  })

  test('timers go on while connections keep the loop busy', async () => {
    await using poller = await create()
    using served = await serve(poller, echo)
    const clients = Array.from({ length: 20 }, () => open(poller, served.listener, echo))
    for (const { connection } of clients) connection.write(Buffer.from('round and round'))
    await until(() => poller.stats.bytesRead > 100_000, 'load')
    let fired = 0
    const timer = setInterval(() => fired++, 5)
    const readBefore = poller.stats.bytesRead
    await sleep(300)
    clearInterval(timer)
    expect(poller.stats.bytesRead - readBefore).toBeGreaterThan(1_000)
    expect(fired).toBeGreaterThan(10)
  })

  test('two thousand connections come and go and leave nothing behind', async () => {
    const before = descriptors()
    const poller = await create()
    using served = await serve(poller, echo)
    const withPoller = descriptors()
    let left = 2_000
    let failed = 0
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const kind = left % 4
        const recorder = open(poller, served.listener)
        recorder.connection.write(Buffer.from('hello'))
        await until(() => recorder.connection.bytesRead === 5 || recorder.closed, 'the echo')
        if (recorder.received.toString() !== 'hello') failed++
        if (kind === 0) recorder.connection.end()
        else recorder.connection.destroy(kind === 1)
        await until(() => recorder.closed, 'onClose')
      }
    }
    await Promise.all(Array.from({ length: 50 }, one))
    await until(() => poller.stats.open === 0, 'every connection is closed')
    expect(failed).toBe(0)
    expect(poller.stats).toMatchObject({ accepted: 2_000, connected: 2_000, open: 0 })
    expect(served.recorders.every(({ calls }) => calls.filter((name) => name === 'onClose').length === 1)).toBe(true)
    await until(() => descriptors() <= withPoller, 'descriptors are given back')
    await poller.close()
    await until(() => descriptors() <= before, 'those of the poller too')
  }, 20_000)

  test('the trace tells a turn in order', async () => {
    const steps: string[] = []
    await using poller = await create({ trace: (step) => void steps.push(step) })
    using served = await serve(poller, echo)
    const { peer } = await served.meet()
    await until(() => steps.at(-1) === 'wait', 'the loop waits')
    steps.length = 0
    peer.socket.write('x')
    await until(() => peer.bytes === 1, 'the echo')
    await until(() => steps.includes('wait'), 'the loop waits again')
    expect(steps.slice(0, 5)).toEqual(['wake', 'ready', 'run', 'flush', 'submit'])
  })

  test('a trace that throws is an uncaughtException, and nothing is lost', async () => {
    await using poller = await create()
    using served = await serve(poller, echo)
    const { peer } = await served.meet()
    const thrown = new Error('thrown by the trace')
    const errors = await uncaught(1, async () => {
      poller.trace = () => {
        poller.trace = undefined
        throw thrown
      }
      peer.socket.write('x')
      await until(() => peer.bytes === 1, 'the echo')
    })
    expect(errors).toEqual([thrown])
  })
}
