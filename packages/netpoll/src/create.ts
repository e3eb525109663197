import { EpollPoller } from './epoll/epoll-poller.ts'
import { IoUringPoller } from './io-uring/io-uring-poller.ts'
import { createLibuvPoller } from './libuv/index.ts'
import type { Poller, PollerOptions } from './poller.ts'
import { choose } from './probe.ts'

/**
 * Makes the poller of this thread. Each worker thread makes its own; a poller and what belongs to it never cross threads.
 *
 * @throws QpsError QPS_BACKEND_UNAVAILABLE where the backend asked for cannot be used here, QPS_USAGE for options out of
 * range, QPS_MEMORY where the address space is too small.
 * @example
 * await using poller = createPoller()
 * const listener = await poller.listen({ port: 0 }, (connection) => ({
 *   onData: (bytes, start, end) => void connection.write(bytes.slice(start, end)),
 *   onEnd: () => connection.end(),
 *   onClose: () => {},
 * }))
 */
export function createPoller(options: PollerOptions = {}): Poller {
  const { backend, reason } = choose(options.backend ?? 'auto')
  if (backend === 'io_uring') return new IoUringPoller(options, reason)
  if (backend === 'epoll') return new EpollPoller(options, reason)
  return createLibuvPoller(options, reason)
}
