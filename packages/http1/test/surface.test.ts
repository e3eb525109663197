import { contractRouter, serve } from '@qps/http1'
import { httpSurfaceConformance } from '@qps/testkit'
import { probe } from '@qps/netpoll'
import { describe, test } from 'vitest'

for (const backend of ['io_uring', 'epoll', 'libuv'] as const) {
  const why = probe()[backend]
  if (why !== undefined) describe(`HTTP surface of http1 on ${backend}`, () => test.skip(why))
  else {
    httpSurfaceConformance(`http1 on ${backend}`, async () => {
      const serving = await serve({ port: 0, backend }, contractRouter().handler)
      return { url: serving.url, stop: () => serving.drain(100) }
    })
  }
}
