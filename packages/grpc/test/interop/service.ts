import { create } from '@bufbuild/protobuf'
import {
  Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js'
import { serviceDefinition } from '@qps/grpc'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EchoStatus,
  type Empty,
  EmptySchema,
  PayloadSchema,
  type SimpleRequest,
  type SimpleResponse,
  SimpleResponseSchema,
  type StreamingInputCallRequest,
  type StreamingInputCallResponse,
  StreamingInputCallResponseSchema,
  type StreamingOutputCallRequest,
  type StreamingOutputCallResponse,
  StreamingOutputCallResponseSchema,
  TestService,
  UnimplementedService,
} from './generated/interop_pb.ts'

export const testService = serviceDefinition(TestService)
export const unimplementedService = serviceDefinition(UnimplementedService)

export const initialKey = 'x-grpc-test-echo-initial'
export const trailingKey = 'x-grpc-test-echo-trailing-bin'

/** The server's side of the interoperability cases, written for grpc-js with its own types: it must run elsewhere as it is. */
export const interopService = {
  emptyCall(_call: ServerUnaryCall<Empty, Empty>, callback: sendUnaryData<Empty>): void {
    callback(null, create(EmptySchema))
  },

  unaryCall(call: ServerUnaryCall<SimpleRequest, SimpleResponse>, callback: sendUnaryData<SimpleResponse>): void {
    const trailing = echoMetadata(call)
    const { responseSize, responseStatus } = call.request
    if (responseStatus) return callback({ ...statusOf(responseStatus), metadata: trailing })
    callback(null, create(SimpleResponseSchema, { payload: zeros(responseSize) }), trailing)
  },

  streamingInputCall(
    call: ServerReadableStream<StreamingInputCallRequest, StreamingInputCallResponse>,
    callback: sendUnaryData<StreamingInputCallResponse>,
  ): void {
    let aggregatedPayloadSize = 0
    call.on('data', ({ payload }: StreamingInputCallRequest) => {
      aggregatedPayloadSize += payload?.body.length ?? 0
    })
    call.on('end', () => callback(null, create(StreamingInputCallResponseSchema, { aggregatedPayloadSize })))
  },

  async streamingOutputCall(
    call: ServerWritableStream<StreamingOutputCallRequest, StreamingOutputCallResponse>,
  ): Promise<void> {
    await answer(call, call.request)
    call.end()
  },

  fullDuplexCall(call: ServerDuplexStream<StreamingOutputCallRequest, StreamingOutputCallResponse>): void {
    const trailing = echoMetadata(call)
    let answered = Promise.resolve()
    call.on('data', (request: StreamingOutputCallRequest) => {
      if (request.responseStatus) call.emit('error', statusOf(request.responseStatus))
      else answered = answered.then(() => answer(call, request))
    })
    call.on('end', () => void answered.then(() => call.end(trailing)))
  },
}

interface Replies {
  cancelled: boolean
  write(reply: StreamingOutputCallResponse): boolean
}

async function answer(call: Replies, { responseParameters }: StreamingOutputCallRequest): Promise<void> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000)
    if (!call.cancelled) call.write(create(StreamingOutputCallResponseSchema, { payload: zeros(size) }))
  }
}

/** Sends back the header that a client asks for, and makes the trailers that it asks for. */
function echoMetadata(call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'sendMetadata'>): Metadata {
  const initial = new Metadata()
  for (const value of call.metadata.get(initialKey)) initial.add(initialKey, value)
  call.sendMetadata(initial)
  const trailing = new Metadata()
  for (const value of call.metadata.get(trailingKey)) trailing.add(trailingKey, value)
  return trailing
}

function statusOf({ code, message }: EchoStatus): { code: number; details: string } {
  return { code, details: message }
}

export function zeros(size: number) {
  return create(PayloadSchema, { body: new Uint8Array(size) })
}
