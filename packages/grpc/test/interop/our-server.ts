import { once } from 'node:events'
import { createSecureServer, type SecureServerOptions } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createGrpcServer, type GrpcLimits, http2ServerOptions, type ServiceDefinition } from '@qps/grpc'
import { listenOnNetpoll } from '@qps/grpc/netpoll'

export interface RunningPeer {
  port: number
  close(): Promise<void>
}

export interface OurServerOptions {
  /** Default 0: a free one. */
  port?: number
  limits?: Partial<GrpcLimits>
  /** Absent: in cleartext. */
  tls?: SecureServerOptions
  /** Where in cleartext: over the engine instead of node:http2. */
  onNetpoll?: boolean
}

export async function startOurServer(
  definition: ServiceDefinition,
  implementation: object,
  { port = 0, limits = {}, tls, onNetpoll = false }: OurServerOptions = {},
): Promise<RunningPeer> {
  const server = createGrpcServer({ limits })
  server.addService(definition, implementation)
  const close = async (): Promise<void> => void (await server.close(1_000))
  if (onNetpoll) return { port: (await listenOnNetpoll(server, { port })).port, close }
  if (tls === undefined) return { port: (await server.listen({ port })).port, close }
  const secure = createSecureServer({ ...http2ServerOptions(limits), ...tls })
  server.attach(secure)
  await once(secure.listen(port, '127.0.0.1'), 'listening')
  return { port: (secure.address() as AddressInfo).port, close }
}
