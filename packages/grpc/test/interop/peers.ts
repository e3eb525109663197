import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { ServiceDefinition } from '@qps/grpc'
import type { InteropClient } from './client.ts'
import { grpcJsClient } from './grpc-js-client.ts'
import { ourClient } from './our-client.ts'
import { type RunningPeer, startOurServer } from './our-server.ts'

export type PeerName = 'ours' | 'grpc-js'
export const peerNames: readonly PeerName[] = ['ours', 'grpc-js']

/** Servers come over the engine as well. */
export type ServerName = PeerName | 'ours on netpoll'
export const serverNames: readonly ServerName[] = [...peerNames, 'ours on netpoll']

/** Starts a server of one kind with a service that was written for grpc-js. @param port 0 for a free one. */
export async function startServer(
  name: ServerName,
  definition: ServiceDefinition,
  implementation: object,
  port = 0,
): Promise<RunningPeer> {
  if (name !== 'grpc-js') {
    return startOurServer(definition, implementation, { port, onNetpoll: name === 'ours on netpoll' })
  }
  const server = new Server()
  server.addService(definition, implementation as never)
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error) reject(error)
      else resolve(boundPort)
    })
  })
  return { port: bound, close: async () => server.forceShutdown() }
}

export function connectClient(name: PeerName, port: number): InteropClient {
  return name === 'ours' ? ourClient(port) : grpcJsClient(port)
}
