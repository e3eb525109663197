import { answerSurface, createHardenedServer, listen, type RunningServer, runStock } from '@qps/http'
import { httpSurfaceConformance, rawExchange, type SurfaceUnderTest } from '@qps/testkit'
import { expect, test } from 'vitest'

const at = { host: '127.0.0.1', port: 0 }

async function startHardened(): Promise<SurfaceUnderTest> {
  const { server, drain } = await createHardenedServer()
  return { url: await listen(server, at), stop: () => drain(1_000) }
}

async function startStock(): Promise<SurfaceUnderTest> {
  const running: RunningServer = await runStock(answerSurface, at)
  return { url: running.url, stop: () => running.drain(1_000) }
}

httpSurfaceConformance('node:http with answerSurface', startStock)
httpSurfaceConformance('the hardened server', startHardened)

test('both answer the same bytes, but for the time and the idle limit', async () => {
  const requests = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: text/html\r\n\r\nhi',
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: nonsense\r\n\r\nhi',
    'GET /nope HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET http://a/plaintext?x HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
  ].join('')
  const answers = await Promise.all(
    [startStock, startHardened].map(async (start) => {
      const subject = await start()
      const { text } = await rawExchange(Number(new URL(subject.url).port), requests)
      await subject.stop()
      return text
        .replaceAll(/Date: [^\r]*/g, 'Date: *')
        .replaceAll(/"ts":\d{13}/g, '"ts":*')
        .replaceAll(/timeout=\d+/g, 'timeout=*')
    }),
  )
  expect(answers[0]!.match(/HTTP\/1\.1 /g)).toHaveLength(9)
  expect(answers[1]).toBe(answers[0])
})
