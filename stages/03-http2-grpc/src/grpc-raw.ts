import { createGrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { statusBody } from '@qps/http-contract'
import type { StartProtocol } from './server.ts'

/** The workload on our gRPC. */
export const grpcRaw: StartProtocol = async ({ host, port }) => {
  const server = createGrpcServer()
  server.addService(workloadDefinition, workload({ status: () => Buffer.from(statusBody(Date.now())) }))
  const { url } = await server.listen({ host, port })
  return {
    name: 'grpc',
    address: new URL(url).host,
    connections: () => server.connections,
    inFlight: () => server.inFlight,
    drain: (limitMs) => server.close(limitMs),
  }
}
