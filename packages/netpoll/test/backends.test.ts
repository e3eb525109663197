import { createPoller, probe } from '@qps/netpoll'
import { pollerConformance } from '@qps/testkit'
import { describe } from 'vitest'

for (const backend of ['io_uring', 'epoll'] as const) {
  const why = probe()[backend]
  describe.skipIf(why !== undefined)(`on this machine${why === undefined ? '' : `: ${why}`}`, () => {
    pollerConformance(backend, async (options = {}) => createPoller({ ...options, backend }))
  })
}
