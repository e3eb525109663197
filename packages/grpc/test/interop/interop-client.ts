// The interoperability cases against a server in any language.
// Usage: node --conditions=@qps/source interop-client.ts --port PORT [--peer ours|grpc-js] [--case NAME]
// Prints a line per case; the exit code is the number of cases that failed.

import { messageOf } from '@qps/core'
import { parseArgs } from 'node:util'
import { interopCases } from './cases.ts'
import { connectClient, type PeerName } from './peers.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    peer: { type: 'string', default: 'ours' },
    case: { type: 'string' },
  },
})
const chosen = interopCases.filter(({ name }) => values.case === undefined || values.case === name)
if (values.port === undefined || chosen.length === 0) {
  process.stderr.write(`--port is needed; --case is one of ${interopCases.map(({ name }) => name).join(', ')}\n`)
  process.exit(64)
}
const client = connectClient(values.peer as PeerName, Number(values.port))
let failed = 0
for (const { name, run } of chosen) {
  try {
    await run(client)
    process.stdout.write(`ok ${name}\n`)
  } catch (error) {
    failed++
    process.stdout.write(`failed ${name}: ${messageOf(error)}\n`)
  }
}
await client.close()
process.exitCode = failed
