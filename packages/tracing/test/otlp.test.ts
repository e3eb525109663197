import { background } from '@qps/context'
import { createTracer, otlpExporter } from '@qps/tracing'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'

test('spans reach a collector as JSON over HTTP, with the headers that it asks for', async () => {
  const bodies: { path: string; key: string | undefined; body: string }[] = []
  const collector = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    bodies.push({ path: request.url!, key: request.headers['x-key'] as string | undefined, body })
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await once(collector.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`
  {
    await using tracer = createTracer({
      service: 'shop',
      exporter: await otlpExporter(url, { headers: { 'x-key': 'k' } }),
    })
    tracer.start(background(), 'one').set('a', 1).end()
    tracer.start(background(), 'two').end()
  }
  collector.closeAllConnections()
  await new Promise((resolve) => collector.close(resolve))
  expect(bodies).toHaveLength(1)
  expect(bodies[0]).toMatchObject({ path: '/v1/traces', key: 'k' })
  const { resourceSpans } = JSON.parse(bodies[0]!.body) as {
    resourceSpans: { resource: object; scopeSpans: { spans: { name: string }[] }[] }[]
  }
  expect(JSON.stringify(resourceSpans[0]!.resource)).toContain('shop')
  expect(
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))),
  ).toEqual(['one', 'two'])
})

test('a timeout out of its range is refused', async () => {
  await expect(otlpExporter('http://127.0.0.1:1', { timeoutMs: 0 })).rejects.toMatchObject({ code: 'QPS_OPTION' })
})
