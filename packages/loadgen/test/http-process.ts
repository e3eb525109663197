import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hello } from './servers.ts'

/*
 * A server of node:http in a process of its own that works for 250 µs on each request, by the clock: it is the limit,
 * whatever loads it, and as fast on a slow day of the machine as on a fast one. Tells its parent the port, and ends with it.
 */
const workMs = 0.25

const server = createServer((request, response) => {
  const endMs = performance.now() + workMs
  while (performance.now() < endMs);
  hello(request, response)
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit(0))
