import { createPoller, probe } from '@qps/netpoll'
import { pollerConformance } from '@qps/testkit'
import { describe, test } from 'vitest'

for (const backend of ['io_uring', 'epoll'] as const) {
  const why = probe()[backend]
  if (why === undefined) pollerConformance(backend, async (options = {}) => createPoller({ ...options, backend }))
  else describe(`poller ${backend}`, () => void test.skip(`not here: ${why}`, () => {}))
}
