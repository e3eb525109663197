// Server
export {
  createGrpcServer,
  GrpcServer,
  type GrpcServerCounters,
  type GrpcServerOptions,
  type ServiceImplementation,
} from './server/server.ts'
export { http2ServerOptions } from './server/node/transport.ts'
export type { CallObserver, MethodObserver } from './server/observer.ts'
export type { Handler, ReplyCallback } from './server/shapes.ts'
export type { CallSurface, StreamSurface, UnarySurface } from './server/surface.ts'
export type { DrainReport } from '@qps/http-contract'

// Client
export { createGrpcClient, GrpcClient, type GrpcClientOptions, type UnaryOptions } from './client/client.ts'
export type { CallOptions, EndOfCall } from './client/call.ts'
export type { ClientStream } from './client/client-stream.ts'

// Services
export { type DefinitionOf, type MethodDefinition, serviceDefinition, type ServiceDefinition } from './definition.ts'
export { expandBytesMax, workload, workloadDefinition } from './workload.ts'
export * from './generated/qps_pb.ts'
export { create } from '@bufbuild/protobuf'

// What both sides share
export { GrpcError, type GrpcErrorOptions, type StatusObject } from './error.ts'
export { GrpcStatus, type GrpcStatusCode, type GrpcStatusName, statusLabels, statusName } from './status.ts'
export { Metadata, type MetadataLike, type MetadataValue } from './metadata.ts'
export { type GrpcLimits, grpcLimits } from './options.ts'
export { FrameReader, type FrameSink, frame, prefixBytes } from './framing.ts'
export type { CopyCount } from './copies.ts'
export { formatTimeout, parseTimeout } from './timeout.ts'
export { decodeStatusMessage, encodeStatusMessage } from './percent.ts'
