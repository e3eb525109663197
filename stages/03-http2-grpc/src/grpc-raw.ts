import { createGrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { statusBody } from '@qps/http-contract'
import { callMetrics } from './grpc-calls.ts'
import type { StartProtocol } from './server.ts'

/** The workload on our gRPC. */
export const grpcRaw: StartProtocol = async ({ host, port }, _metrics, registry) => {
  const server = createGrpcServer({ observer: callMetrics(registry) })
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
