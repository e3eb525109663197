import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { backends, Client, last, start } from './server-under-test.ts'

const mebibyte = 1024 * 1024

describe.each(backends)('streams: %s', (backend) => {
  test.each([
    ['chunked', undefined],
    ['of a known length', 50 * mebibyte],
  ])('50 MiB %s to a slow reader: no more waits than the high-water mark and a piece', async (_how, length) => {
    const piece = Buffer.alloc(64 * 1024, 'p')
    let waitingMax = 0
    let refusals = 0
    await using serving = await start(backend, async (request, response) => {
      if (length !== undefined) response.setHeader('content-length', length)
      for (let written = 0; written < 50 * mebibyte && !response.ended; written += piece.length) {
        const more = response.write(piece)
        waitingMax = Math.max(waitingMax, request.connection.output.pendingBytes)
        if (more) continue
        refusals++
        await response.drained()
      }
      response.end()
    })
    using client = new Client(serving)
    let received = 0
    client.socket.removeAllListeners('data')
    client.socket.on('data', (bytes: Buffer) => (received += bytes.length))
    client.send(last('/'))
    for (let pause = 0; pause < 5; pause++) {
      await sleep(10)
      client.socket.pause()
      await sleep(10)
      client.socket.resume()
    }
    await client.until()
    expect(received).toBeGreaterThan(50 * mebibyte)
    expect(refusals).toBeGreaterThan(0)
    expect(waitingMax).toBeLessThanOrEqual(3 * 64 * 1024)
  })

  test('drained resolves where nothing has to be waited for, and when the client is gone', async () => {
    let over: (() => void) | undefined
    const finished = new Promise<void>((resolve) => (over = resolve))
    await using serving = await start(backend, async (_request, response) => {
      await response.drained()
      response.write('first')
      await response.drained()
      while (!response.ended) {
        if (!response.write(Buffer.alloc(mebibyte))) await response.drained()
      }
      over!()
    })
    using client = new Client(serving)
    await client.send(last('/')).until((text) => text.includes('first'))
    client.socket.resetAndDestroy()
    await finished
  })
})
