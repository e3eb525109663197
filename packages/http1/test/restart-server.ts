import { contractRouter, serve } from '@qps/http1'
import type { Backend } from '@qps/netpoll'

/* One of several processes that share a port: says when it listens, and drains at SIGTERM. */
const [backend, port] = process.argv.slice(2) as [Backend, string]
const limits = { drainGraceMs: 200 }
const serving = await serve({ port: Number(port), reusePort: true, backend, limits }, contractRouter().handler)

process.once('SIGTERM', async () => {
  await serving.drain()
  // The channel to the parent is what is left to keep the process alive.
  process.disconnect!()
})
process.send!(serving.port)
