import { create } from '@bufbuild/protobuf'
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2'
import type { DefinitionOf } from './definition.ts'
import { serviceDefinition } from './definition.ts'
import { GrpcError } from './error.ts'
import {
  CollectReplySchema,
  EchoReplySchema,
  type EchoRequest,
  type ExpandRequest,
  StatusReplySchema,
  Workload,
} from './generated/qps_pb.ts'
import { GrpcStatus } from './status.ts'
import type { ReplyCallback } from './server/shapes.ts'

/** The service of every stage, for any gRPC server or client. */
export const workloadDefinition: DefinitionOf<WorkloadMethods> = serviceDefinition(Workload)
type WorkloadMethods = typeof Workload extends GenService<infer Methods extends GenServiceMethods> ? Methods : never

/** What a handler of this service uses of its call: the same on our server and on that of grpc-js. */
interface UnaryCall<Request> {
  request: Request
}
interface StreamCall<Request> {
  request: Request
  cancelled: boolean
  write(message: unknown): boolean
  end(): unknown
  once(event: 'drain' | 'close' | 'cancelled', listener: () => void): unknown
  on(event: 'data', listener: (message: Request) => void): unknown
  on(event: 'end', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
}

/** Bytes that `Expand` answers with at most, all replies together: one small request must not ask for the world. */
export const expandBytesMax: number = 256 * 1024 * 1024

/**
 * The implementation, in the form of grpc-js.
 *
 * @param status makes the body that `GET /` has.
 */
export function workload({ status }: { status: () => Uint8Array }) {
  return {
    echo({ request }: UnaryCall<EchoRequest>, callback: ReplyCallback<unknown>): void {
      callback(null, create(EchoReplySchema, { payload: request.payload }))
    },

    status(_call: unknown, callback: ReplyCallback<unknown>): void {
      callback(null, create(StatusReplySchema, { body: status() }))
    },

    expand(call: StreamCall<ExpandRequest>): void {
      const { count, size } = call.request
      if (count * size > expandBytesMax || count > expandBytesMax) {
        throw new GrpcError(GrpcStatus.INVALID_ARGUMENT, `count times size must be at most ${expandBytesMax}`)
      }
      const reply = create(EchoReplySchema, { payload: Buffer.alloc(size) })
      let left = count
      const more = (): void => {
        while (left > 0 && !call.cancelled) {
          left--
          if (!call.write(reply)) return void call.once('drain', more)
        }
        if (!call.cancelled) call.end()
      }
      more()
    },

    collect(call: StreamCall<EchoRequest>, callback: ReplyCallback<unknown>): void {
      let messages = 0
      let bytes = 0
      call.on('data', ({ payload }) => {
        messages++
        bytes += payload.length
      })
      call.on('end', () => callback(null, create(CollectReplySchema, { messages, bytes: BigInt(bytes) })))
    },

    chat(call: StreamCall<EchoRequest>): void {
      call.on('data', ({ payload }) => {
        if (call.write(create(EchoReplySchema, { payload }))) return
        call.pause()
        call.once('drain', () => call.resume())
      })
      call.on('end', () => call.end())
    },
  }
}
