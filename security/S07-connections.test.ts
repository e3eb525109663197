import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpLimits } from '@qps/http'
import { rawExchange, statuses } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedWithOwn, start } from './variants.ts'

describe.each(hardenedWithOwn('connections'))('S7 connections: $variant', (variant) => {
  test('beyond the cap of an address: 503 with Retry-After and close; room again when others leave', async ({
    expect,
  }) => {
    await using stage = await start(variant)
    const held: Socket[] = []
    for (let index = 0; index < httpLimits.connectionsPerAddressMax; index++) {
      const socket = connect(stage.port, '127.0.0.1').on('error', () => {})
      held.push(socket)
    }
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    const request = 'GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const refused = await rawExchange(stage.port, request)
    expect(statuses(refused.text)).toEqual([503])
    expect(refused.text).toMatch(/\r\nretry-after: [1-5]\r\n/)
    expect(refused.closed).toBe('end')
    for (const socket of held) socket.destroy()
    await sleep(300)
    expect(statuses((await rawExchange(stage.port, request)).text)).toEqual([200])
  })
})
