import { workload, workloadDefinition } from '@qps/grpc'
import { serveGrpcJs } from '@qps/grpc/grpc-js'
import { statusBody } from '@qps/http-contract'
import { callMetrics } from './grpc-calls.ts'
import type { StartProtocol } from './server.ts'

/** The workload on grpc-js. */
export const grpcJs: StartProtocol = async ({ host, port }, _metrics, registry) => {
  const service = workload({ status: () => Buffer.from(statusBody(Date.now())) })
  const server = await serveGrpcJs({
    host,
    port,
    services: [[workloadDefinition, service]],
    observer: callMetrics(registry),
  })
  return {
    name: 'grpc',
    address: server.address,
    // It does not tell of its connections.
    connections: () => 0,
    inFlight: () => server.inFlight(),
    drain: (limitMs) => server.drain(limitMs),
  }
}
