import type { GrpcServer } from '@qps/grpc'
import { listenOnNetpoll } from '@qps/grpc/netpoll'

type Listen = (server: GrpcServer, port?: number) => Promise<{ port: number; url: string }>

/** What a server's calls can come over. */
export const transports: readonly [name: string, listen: Listen][] = [
  ['node:http2', (server, port = 0) => server.listen({ port })],
  ['netpoll', (server, port = 0) => listenOnNetpoll(server, { port })],
]
