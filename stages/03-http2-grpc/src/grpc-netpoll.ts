import { createGrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { listenOnNetpoll } from '@qps/grpc/netpoll'
import { statusBody } from '@qps/http-contract'
import { callMetrics } from './grpc-calls.ts'
import type { StartProtocol } from './server.ts'

/** The workload on our gRPC, whose calls come over the engine: no line of node:http2 is run. */
export const grpcNetpoll: StartProtocol = async ({ host, port }, metrics, registry) => {
  const server = createGrpcServer({ observer: callMetrics(registry) })
  server.addService(workloadDefinition, workload({ status: () => Buffer.from(statusBody(Date.now())) }))
  const { url } = await listenOnNetpoll(server, { host, port, onRefused: metrics.refused })
  return {
    name: 'grpc',
    address: new URL(url).host,
    connections: () => server.connections,
    inFlight: () => server.inFlight,
    drain: (limitMs) => server.close(limitMs),
  }
}
