import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ambiguousRequests, rawExchange, statuses } from '@qps/testkit'
import { describe, test } from 'vitest'
import { start, variantsWithOwn } from './variants.ts'

describe.concurrent('S23 crashes', () => {
  const variants = variantsWithOwn('connections', 'messages')

  test.for(variants)('$variant: aborted clients, resets and garbage leave it up', async (variant, { expect }) => {
    await using stage = await start(variant)
    const mebibyte = Buffer.alloc(1024 * 1024, 'x')
    const openings: (string | Buffer)[] = [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100),
      'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n',
      Buffer.concat([Buffer.from('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n'), mebibyte]),
      'GET / HT',
      randomBytes(4096),
      ...ambiguousRequests.map(([, bytes]) => bytes),
    ]
    for (const opening of openings) {
      for (const delayMs of [0, 2, 10]) {
        const socket = connect(stage.port, '127.0.0.1').on('error', () => {})
        socket.write(opening)
        await sleep(delayMs)
        socket.resetAndDestroy()
      }
      await rawExchange(stage.port, opening, { timeoutMs: 20 })
    }
    await sleep(200)
    const { text } = await rawExchange(stage.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(statuses(text)).toEqual([200])
    expect(stage.stderr()).not.toMatch(/Error|at .*\.ts:/)
    expect((await stage.stop()).code).toBe(0)
  })
})
