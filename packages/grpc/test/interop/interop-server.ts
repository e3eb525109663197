// The server's side of the interoperability cases, for a client in any language.
// Usage: node --conditions=@qps/source interop-server.ts [--port 0] [--peer ours|grpc-js]
// Prints `listening PORT` and serves until SIGTERM or SIGINT.

import { parseArgs } from 'node:util'
import { type PeerName, startServer } from './peers.ts'
import { interopService, testService } from './service.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, peer: { type: 'string', default: 'ours' } },
})
const server = await startServer(values.peer as PeerName, testService, interopService, Number(values.port))
process.stdout.write(`listening ${server.port}\n`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close())
