import { readFile } from 'node:fs/promises'
import { rawExchange, statuses } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedWithOwn, start } from './variants.ts'

const mebibyte = 1024 * 1024
const post = 'POST /echo HTTP/1.1\r\nHost: a\r\n'

const grownBytesMax = 100 * mebibyte
const megabyte = 'x'.repeat(mebibyte)
const announced = [`${post}Content-Length: ${32 * mebibyte}\r\n\r\n`, ...Array.from({ length: 8 }, () => megabyte)]
const chunk = `100000\r\n${megabyte}\r\n`
const chunked = [`${post}Transfer-Encoding: chunked\r\n\r\n`, ...Array.from({ length: 8 }, () => chunk)]

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}

describe.each(hardenedWithOwn('connections'))('S5 body size: $variant', (variant) => {
  test('over 1 MiB is 413 before it is buffered, announced or chunked, and reaches the client', async ({ expect }) => {
    // 160 MiB are sent. Ten bodies of 1 MiB may be held at a time, and the collector is in no hurry: tried up to three times.
    let leastBytes = Infinity
    for (let attempt = 0; attempt < 3 && leastBytes >= grownBytesMax; attempt++) {
      await using stage = await start(variant)
      const before = await residentBytes(stage.pid)
      for (const pieces of [announced, chunked]) {
        const exchanges = Array.from({ length: 10 }, () => rawExchange(stage.port, pieces, { readAfterWrite: true }))
        for (const { text } of await Promise.all(exchanges)) expect(statuses(text)).toEqual([413])
      }
      leastBytes = Math.min(leastBytes, (await residentBytes(stage.pid)) - before)
    }
    expect(leastBytes).toBeLessThan(grownBytesMax)
  })

  test('Expect: 100-continue with too large a body is refused unread', async ({ expect }) => {
    await using stage = await start(variant)
    const { text, closed } = await rawExchange(
      stage.port,
      `${post}Expect: 100-continue\r\nContent-Length: ${mebibyte + 1}\r\n\r\n`,
    )
    expect(statuses(text)).toEqual([413])
    expect(closed).toBe('end')
  })
})
