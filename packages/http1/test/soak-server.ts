import { readdirSync } from 'node:fs'
import { type Backend, type PollerStats } from '@qps/netpoll'
import { contractRouter, serve } from '@qps/http1'

/** What the server says of itself when it is asked. */
export interface SoakReport {
  rssBytes: number
  /**
   * Of that, what is not the collector's heap. V8 doubles the space for young objects when it finds many of them alive, as it
   * does where the process is kept from its core for a moment: a step in the resident set, up to a bound, and no leak.
   */
  nativeBytes: number
  heapBytes: number
  /** Outside of the collector's heap: buffers, and what views of the poller's memory count for. */
  externalBytes: number
  descriptors: number
  stats: PollerStats
}

/*
 * The server of a soak, in a process of its own: says its port, answers each message with a report, and ends with its
 * parent. It collects garbage before each report, so that what is left is what is held.
 */
const backend = process.argv[2] as Backend
const { port, poller } = await serve({ port: 0, backend }, contractRouter().handler)

process.on('message', () => {
  globalThis.gc?.()
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
  const report: SoakReport = {
    rssBytes: rss,
    nativeBytes: rss - heapTotal,
    heapBytes: heapUsed,
    externalBytes: external,
    descriptors: readdirSync('/proc/self/fd').length,
    stats: { ...poller.stats },
  }
  process.send!(report)
})
process.once('disconnect', () => process.exit(0))
process.send!(port)
