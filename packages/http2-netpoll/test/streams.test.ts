import { getRoot, reset, settings } from '@qps/testkit'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Http2Stream } from '@qps/http2-netpoll'
import { data, MemoryServer, post } from './memory-server.ts'
import { ask, backends, eventually, kept, listener, RawClient, session, start } from './support.ts'

const ok = [[':status', '200']] as const

/** What a stream's listener hears, in order. */
function heard(): { calls: string[]; listen: (stream: Http2Stream) => void } {
  const calls: string[] = []
  return {
    calls,
    listen: (stream) =>
      void (stream.listener = {
        onData: (_bytes, start, end) => void calls.push(`data ${end - start}`),
        onEnd: () => void calls.push('end'),
        onAnswered: () => void calls.push('answered'),
        onClose: (code) => void calls.push(`close ${code}`),
      }),
  }
}

describe('what a listener hears', () => {
  test('data, the end, the answer, the close: each once, the close last', () => {
    const { calls, listen } = heard()
    const streams: Http2Stream[] = []
    const client = new MemoryServer((stream) => {
      listen(stream)
      streams.push(stream)
    }).connect(settings(), post(1), data(1, 3), data(1, 2, true))
    const [stream] = streams
    stream!.respond(ok)
    stream!.write(Buffer.from('hello'))
    stream!.end(undefined, [['x-sum', '1']])
    expect(calls).toEqual(['data 3', 'data 2', 'end', 'answered', 'close 0'])
    expect(client.told).toEqual(['HEADERS 1 200', 'DATA 1 5', 'HEADERS 1 x-sum=1 end'])
    // Nothing of this has an effect any more.
    stream!.respond(ok)
    stream!.write(Buffer.from('x'))
    stream!.end()
    stream!.reset(2)
    stream!.hold()
    stream!.release()
    stream!.expectBody()
    expect([calls.length, client.told.length]).toEqual([5, 3])
  })

  test.each([
    ['CANCEL before an answer', 8, ['close 8'], 0],
    ['NO_ERROR before an answer', 0, ['close 8'], 0],
  ])('reset by its client: %s', (_name, code, expected, answered) => {
    const { calls, listen } = heard()
    const server = new MemoryServer(listen)
    server.connect(settings(), post(1), reset(1, code))
    expect([calls, server.server.answered]).toEqual([expected, answered])
  })

  test('reset with NO_ERROR behind its answer, while the request was not over, it was answered', () => {
    const { calls, listen } = heard()
    const server = new MemoryServer((stream) => {
      listen(stream)
      stream.respond(ok, true)
    })
    const client = server.connect(settings(), post(1))
    expect([calls, server.server.lingering.size]).toEqual([['answered'], 1])
    client.send(reset(1, 0))
    expect([calls, server.server.answered, server.server.lingering.size]).toEqual([['answered', 'close 0'], 1, 0])
  })

  test('its client is gone: CANCEL, and nothing is kept', () => {
    const { calls, listen } = heard()
    const server = new MemoryServer((stream) => {
      listen(stream)
      stream.respond(ok)
      stream.write(Buffer.alloc(1_000_000))
      stream.expectBody()
    })
    const client = server.connect(settings(), post(1))
    const [only] = server.server.sessions
    expect([only!.sender.queuedBytes, server.server.arriving.size]).toEqual([1_000_000, 1])
    client.connection.finish()
    expect([calls, only!.sender.queuedBytes, only!.sender.waiting.size, server.kept]).toEqual([['close 8'], 0, 0, 0])
  })

  test('without a listener a stream can be answered all the same', () => {
    const streams: Http2Stream[] = []
    const server = new MemoryServer((stream) => void streams.push(stream))
    const client = server.connect(settings(), post(1), data(1, 10), data(1, 0, true), getRoot(3))
    for (const stream of streams) {
      stream.respond(ok)
      stream.end()
    }
    expect(client.told).toEqual(['HEADERS 1 200', 'DATA 1 0 end', 'HEADERS 3 200', 'DATA 3 0 end'])
  })
})

describe('taken', () => {
  test('tells when a piece has been handed over; never, where the stream is gone before', () => {
    const server = new MemoryServer((stream) => {
      stream.listener = listener()
      stream.respond(ok)
      for (const bytes of [10, 100_000, 0, 10]) stream.write(Buffer.alloc(bytes), () => taken.push(bytes))
    })
    const taken: number[] = []
    const client = server.connect(settings(), getRoot(1))
    expect(taken).toEqual([10])
    client.send(reset(1))
    expect(taken).toEqual([10])
  })

  test('a chain of thirty thousand writes needs no stack', () => {
    let left = 30_000
    const server = new MemoryServer((stream) => {
      stream.listener = listener()
      stream.respond(ok)
      const more = (): void => {
        if (left-- > 0) stream.write(Buffer.alloc(1), more)
        else stream.end()
      }
      more()
    })
    const client = server.connect(settings([4, 2 ** 31 - 1]), getRoot(1))
    for (let count = 0; count < 2; count++) client.send(Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]))
    expect(client.log.bodies.get(1)).toBe(30_000)
    expect(server.server.inFlight).toBe(0)
  })

  test.each(['end', 'reset'] as const)('a stream may be over by its own taken: %s', (how) => {
    for (const bytes of [5, 70_000]) {
      const { calls, listen } = heard()
      const server = new MemoryServer((stream) => {
        listen(stream)
        stream.respond(ok)
        stream.write(Buffer.alloc(bytes), () => (how === 'end' ? stream.end() : stream.reset(2)))
      })
      const client = server.connect(settings([4, 100_000]), post(1))
      client.send(Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]))
      expect(calls).toEqual(how === 'end' ? ['answered'] : ['close 2'])
      client.send(data(1, 0, true))
      client.connection.finish()
      expect(calls).toEqual(how === 'end' ? ['answered', 'end', 'close 0'] : ['close 2'])
      expect(server.kept).toBe(0)
    }
  })
})

describe('what is thrown ends its stream with INTERNAL_ERROR, and no other', () => {
  const failures: Record<string, (stream: Http2Stream) => void | Promise<void>> = {
    'by the handler': () => {
      throw new Error('on purpose')
    },
    'by the handler, later': async () => {
      await sleep(1)
      throw new Error('on purpose')
    },
    'by onData': (stream) => {
      stream.listener = listener({
        onData() {
          throw new Error('on purpose')
        },
      })
    },
    'by onEnd': (stream) => {
      stream.listener = listener({
        onEnd() {
          throw new Error('on purpose')
        },
      })
    },
    'by taken': (stream) => {
      stream.respond(ok)
      stream.write(Buffer.from('x'), () => {
        throw new Error('on purpose')
      })
    },
    'by taken of what waited': (stream) => {
      stream.respond(ok)
      stream.write(Buffer.alloc(65_535))
      stream.write(Buffer.alloc(1), () => {
        throw new Error('on purpose')
      })
    },
  }

  test.each(Object.keys(failures))('%s', async (name) => {
    const server = new MemoryServer((stream) => (stream.id === 1 ? failures[name]!(stream) : stream.respond(ok, true)))
    const client = server.connect(settings([4, 100_000]), post(1), data(1, 5), data(1, 1, true), getRoot(3))
    client.send(Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]))
    await eventually(() => server.errors.length > 0)
    expect(server.errors).toEqual([new Error('on purpose')])
    expect(client.told).toContain('RST_STREAM 1 INTERNAL_ERROR')
    expect(client.told).toContain('HEADERS 3 200 end')
    expect([server.server.inFlight, server.refused]).toEqual([0, []])
  })

  test('by onAnswered, onClose, onStreamDone and onRefused: everything is put away all the same', () => {
    const fail = (): never => {
      throw new Error('on purpose')
    }
    const server = new MemoryServer(
      (stream) => {
        stream.listener = listener({ onAnswered: fail, onClose: fail })
        stream.respond(ok, true)
      },
      { onStreamDone: fail, onRefused: fail, limits: { connectionsMax: 1 } },
    )
    const client = server.connect(settings(), post(1), post(3), getRoot(5))
    const second = server.open()
    second.connection.settle()
    client.connection.finish()
    expect(server.errors.length).toBe(3 * 3 + 1)
    expect(server.kept).toBe(0)
  })

  test('writing before respond is the handler’s mistake', () => {
    const server = new MemoryServer((stream) => stream.end())
    const client = server.connect(settings(), getRoot(1))
    expect(client.told).toEqual(['RST_STREAM 1 INTERNAL_ERROR'])
    expect(String(server.errors[0])).toContain('respond comes before end')
  })
})

describe.each(backends)('over sockets on %s', (backend) => {
  test('a handler that answers later, out of order, with trailers', async () => {
    await using server = await start(backend, async (stream) => {
      const { path } = stream.head
      await sleep(Number(path.slice(1)))
      stream.respond(ok)
      stream.end(Buffer.from(path), [['x-path', path]])
    })
    using client = await session(server.port)
    const over: string[] = []
    const paths = ['/60', '/30', '/0']
    await Promise.all(
      paths.map(async (path) => {
        const { body, trailers } = await ask(client, { ':path': path })
        over.push(String(body))
        expect(trailers['x-path']).toBe(path)
      }),
    )
    expect(over.toSorted()).toEqual(paths.toSorted())
  })

  test('clients that vanish in the middle leave nothing behind', async () => {
    const sessions = new Set<{ sender: { queuedBytes: number; waiting: { size: number } } }>()
    await using server = await start(backend, (stream) => {
      for (const each of server.server.sessions) sessions.add(each)
      stream.expectBody()
      stream.respond(ok)
      stream.write(Buffer.alloc(1_000_000))
    })
    for (let count = 0; count < 10; count++) {
      const client = await RawClient.connect(server.port)
      client.send(settings(), getRoot(1), post(3), post(5))
      await eventually(() => client.log.order.length > 0)
      if (count % 2 === 0) client.socket.resetAndDestroy()
      else client.socket.destroy()
    }
    await eventually(() => kept(server) === 0)
    expect(sessions.size).toBe(10)
    for (const { sender } of sessions) expect([sender.queuedBytes, sender.waiting.size]).toEqual([0, 0])
  })

  test('an error of a handler reaches its client, and the session goes on', async () => {
    const errors: unknown[] = []
    await using server = await start(
      backend,
      (stream) => {
        if (stream.head.path === '/throws') throw new Error('on purpose')
        stream.respond(ok)
        stream.end(Buffer.from('fine'))
      },
      { onError: (error) => errors.push(error) },
    )
    using client = await session(server.port)
    await expect(ask(client, { ':path': '/throws' })).rejects.toThrow('INTERNAL_ERROR')
    expect(String((await ask(client, { ':path': '/' })).body)).toBe('fine')
    expect(errors).toEqual([new Error('on purpose')])
  })
})
