import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hello } from './servers.ts'

/* A server of node:http in a process of its own: tells its parent the port, and ends with it. */
const server = createServer(hello)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit(0))
