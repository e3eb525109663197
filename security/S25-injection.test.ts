import { rawExchange, type StageProcess, statuses } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { start, variantsWithOwn } from './variants.ts'

/** Exchanges at a time: an answer or a line belongs to one of them, whoever else is asking. */
const atOnce = 16

describe.each(variantsWithOwn('messages'))('S25 log and header injection: $variant', (variant) => {
  let stage: StageProcess
  beforeAll(async () => void (stage = await start(variant)))
  afterAll(() => stage?.[Symbol.asyncDispose]())

  async function tryByte(byte: number): Promise<void> {
    const hostile = `a${String.fromCharCode(byte)}b"\\${String.fromCharCode(byte)}`
    const fields = ['X-Request-Id', 'Traceparent', 'Tracestate', 'Content-Type', 'User-Agent']
      .map((name) => `${name}: ${hostile}\r\n`)
      .join('')
    const head = `POST /echo?${encodeURIComponent(hostile)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}`
    const { text } = await rawExchange(stage.port, `${head}Content-Length: 2\r\n\r\nhi`)
    expect([200, 400]).toContain(statuses(text)[0])
    const path = await rawExchange(stage.port, `GET /${hostile} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    expect([400, 404]).toContain(statuses(path.text)[0])
  }

  test('no byte in an id, a trace header, a type or a path breaks an answer or a line of the log', async () => {
    for (let first = 1; first < 256; first += atOnce) {
      const bytes = Array.from({ length: Math.min(atOnce, 256 - first) }, (_, index) => first + index)
      await Promise.all(bytes.map(tryByte))
    }
    for (const line of stage.stderr().split('\n')) if (line !== '') expect(() => JSON.parse(line)).not.toThrow()
  })

  test('an encoded line break in a path or a type does not become a header', async () => {
    for (const path of ['/%0d%0aX-Injected:%201', '/echo?%0d%0aX-Injected:%201']) {
      const response = await fetch(stage.url + path, {
        method: 'POST',
        body: 'x',
        headers: { 'content-type': 'text/plain; a="%0d%0aX-Injected: 1"' },
      })
      expect(response.headers.get('x-injected')).toBe(null)
    }
  })
})
