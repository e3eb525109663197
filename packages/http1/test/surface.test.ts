import { contractRouter, serve } from '@qps/http1'
import { probe } from '@qps/netpoll'
import { httpSurfaceConformance } from '@qps/testkit'
import { test } from 'vitest'
import { backends } from './server-under-test.ts'

for (const backend of backends) {
  httpSurfaceConformance(`http1 on ${backend}`, async () => {
    const serving = await serve({ port: 0, backend }, contractRouter().handler)
    return { url: serving.url, stop: () => serving.drain(100) }
  })
}

test.for(['io_uring', 'epoll', 'libuv'] as const)('HTTP surface of http1 on %s', (backend, { skip }) => {
  const why = probe()[backend]
  if (why !== undefined) skip(why)
})
