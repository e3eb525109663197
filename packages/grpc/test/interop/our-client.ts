import type { SecureClientSessionOptions } from 'node:http2'
import { type CallOptions, type ClientStream, createGrpcClient, GrpcError, type GrpcLimits, Metadata } from '@qps/grpc'
import type { InteropClient, InteropOptions, InteropReply, InteropStream, MetadataView } from './client.ts'

export interface OurClientOptions {
  limits?: Partial<GrpcLimits>
  /** Absent: in cleartext. */
  tls?: SecureClientSessionOptions
}

export function ourClient(port: number, { limits, tls }: OurClientOptions = {}): InteropClient {
  const client = createGrpcClient({
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    // Room to send what a server refuses, as grpc-js's client has it.
    limits: { messageBytesMax: 16 * 1024 * 1024, ...limits },
    ...(tls && { tls }),
  })
  return {
    async unary(method, request, options) {
      let headers: MetadataView = new Metadata()
      let status: InteropReply<never>['status'] | undefined
      const reply = await client
        .unary(method, request, {
          ...callOptions(options),
          onMetadata: (metadata) => void (headers = metadata),
          onStatus: (end) => void (status = end),
        })
        .catch((error: unknown) => {
          if (!(error instanceof GrpcError)) throw error
          return undefined
        })
      return { reply, headers, status: status! }
    },
    serverStream: (method, request, options) => adapted(client.serverStream(method, request, callOptions(options))),
    clientStream: (method, options) => adapted(client.clientStream(method, callOptions(options))),
    bidi: (method, options) => adapted(client.bidi(method, callOptions(options))),
    close: () => client.close(),
  }
}

function callOptions({ metadata = {}, timeoutMs }: InteropOptions = {}): CallOptions {
  const sent = new Metadata()
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value)
  return { metadata: sent, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
}

function adapted<Request, Reply>(stream: ClientStream<Request, Reply>): InteropStream<Request, Reply> {
  const replies = stream[Symbol.asyncIterator]()
  return {
    write: (request) => stream.write(request),
    end: () => stream.end(),
    cancel: () => stream.cancel(),
    async next() {
      try {
        const { value, done } = await replies.next()
        return done === true ? undefined : (value as Reply)
      } catch (error) {
        if (!(error instanceof GrpcError)) throw error
        return undefined
      }
    },
    headers: stream.metadata,
    status: stream.status,
  }
}
