import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'
import type { InteropClient, InteropOptions, InteropStream, MetadataView } from './client.ts'

export function grpcJsClient(port: number): InteropClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    unary(method, request, options) {
      return new Promise((resolve) => {
        let headers: MetadataView = new Metadata()
        let received: ResponseOf<typeof method> | undefined
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadataOf(options),
          callOptions(options),
          (_error, reply) => {
            received = reply
          },
        )
        call.on('metadata', (metadata) => void (headers = metadata))
        call.on('status', (status) => setImmediate(() => resolve({ reply: received, headers, status })))
      })
    },
    serverStream(method, request, options) {
      const { path, requestSerialize, responseDeserialize } = method
      const metadata = metadataOf(options)
      return adapted(
        client.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          callOptions(options),
        ),
      )
    },
    clientStream(method, options) {
      const { path, requestSerialize, responseDeserialize } = method
      const reply = Promise.withResolvers<ResponseOf<typeof method> | undefined>()
      const call = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadataOf(options),
        callOptions(options),
        (_error, received) => reply.resolve(received),
      )
      return adapted(call, reply.promise)
    },
    bidi(method, options) {
      const { path, requestSerialize, responseDeserialize } = method
      return adapted(
        client.makeBidiStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadataOf(options),
          callOptions(options),
        ),
      )
    },
    async close() {
      client.close()
    },
  }
}

type ResponseOf<Method> = Method extends { responseDeserialize(bytes: Buffer): infer Reply } ? Reply : never
type AnyCall<Request, Reply> =
  ClientReadableStream<Reply> | ClientWritableStream<Request> | ClientDuplexStream<Request, Reply>

function metadataOf({ metadata = {} }: InteropOptions = {}): Metadata {
  const sent = new Metadata()
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value)
  return sent
}

function callOptions({ timeoutMs }: InteropOptions = {}): { deadline?: number } {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
}

/** @param single the one reply, where the server does not stream. */
function adapted<Request, Reply>(
  call: AnyCall<Request, Reply>,
  single?: Promise<Reply | undefined>,
): InteropStream<Request, Reply> {
  const status = Promise.withResolvers<StatusObject>()
  const headers = Promise.withResolvers<MetadataView>()
  const replies: Reply[] = []
  const state = { ended: false }
  let wake: () => void = () => undefined
  const call_ = call as ClientDuplexStream<Request, Reply>
  call_.on('metadata', (metadata) => headers.resolve(metadata))
  call_.on('status', (object) => {
    state.ended = true
    headers.resolve(new Metadata())
    status.resolve(object)
    wake()
  })
  call_.on('error', (_error: ServiceError) => undefined)
  if (single === undefined) {
    call_.on('data', (reply: Reply) => {
      replies.push(reply)
      wake()
    })
  }
  let singleTaken = false
  return {
    write: (request) => new Promise((resolve) => void call_.write(request, () => resolve())),
    end: () => call_.end(),
    cancel: () => call_.cancel(),
    async next() {
      if (single !== undefined) {
        if (singleTaken) return undefined
        singleTaken = true
        return single
      }
      while (replies.length === 0 && !state.ended) await new Promise<void>((resolve) => void (wake = resolve))
      return replies.shift()
    },
    headers: headers.promise,
    status: status.promise,
  }
}
