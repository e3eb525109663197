import { create } from '@bufbuild/protobuf'
import { GrpcStatus } from '@qps/grpc'
import { expect } from 'vitest'
import type { InteropClient, InteropStatus } from './client.ts'
import {
  EmptySchema,
  ResponseParametersSchema,
  SimpleRequestSchema,
  StreamingInputCallRequestSchema,
  StreamingOutputCallRequestSchema,
} from './generated/interop_pb.ts'
import { initialKey, testService, trailingKey, unimplementedService, zeros } from './service.ts'

export interface InteropCase {
  name: string
  run(client: InteropClient): Promise<void>
}

const requestSizes = [27182, 8, 1828, 45904]
const replySizes = [31415, 9, 2653, 58979]
const specialMessage = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'

function outputRequest(replySize: number, requestSize: number) {
  return create(StreamingOutputCallRequestSchema, {
    responseParameters: [create(ResponseParametersSchema, { size: replySize })],
    payload: zeros(requestSize),
  })
}

function expectStatus({ code, details }: InteropStatus, expected: number, message?: string): void {
  expect(code, details).toBe(expected)
  if (message !== undefined) expect(details).toBe(message)
}

async function expectEcho(client: InteropClient, code: number, message: string, streaming: boolean): Promise<void> {
  const request = create(SimpleRequestSchema, { responseStatus: { code, message } })
  const unary = await client.unary(testService.unaryCall, request)
  expectStatus(unary.status, code, message)
  if (!streaming) return
  const call = client.bidi(testService.fullDuplexCall)
  await call.write(create(StreamingOutputCallRequestSchema, { responseStatus: { code, message } }))
  call.end()
  expectStatus(await call.status, code, message)
}

/**
 * The public interoperability cases of gRPC, for any client and any server. Source of names, sizes and expectations:
 * grpc/grpc, doc/interop-test-descriptions.md.
 */
export const interopCases: readonly InteropCase[] = [
  {
    name: 'empty_unary',
    async run(client) {
      const { reply, status } = await client.unary(testService.emptyCall, create(EmptySchema))
      expectStatus(status, GrpcStatus.OK)
      expect(reply).toEqual(create(EmptySchema))
    },
  },
  {
    name: 'large_unary',
    async run(client) {
      const request = create(SimpleRequestSchema, { responseSize: 314159, payload: zeros(271828) })
      const { reply, status } = await client.unary(testService.unaryCall, request)
      expectStatus(status, GrpcStatus.OK)
      expect(reply?.payload?.body.length).toBe(314159)
      expect(reply?.payload?.body.every((byte) => byte === 0)).toBe(true)
    },
  },
  {
    name: 'client_streaming',
    async run(client) {
      const call = client.clientStream(testService.streamingInputCall)
      for (const size of requestSizes) {
        await call.write(create(StreamingInputCallRequestSchema, { payload: zeros(size) }))
      }
      call.end()
      expect((await call.next())?.aggregatedPayloadSize).toBe(74922)
      expectStatus(await call.status, GrpcStatus.OK)
    },
  },
  {
    name: 'server_streaming',
    async run(client) {
      const responseParameters = replySizes.map((size) => create(ResponseParametersSchema, { size }))
      const request = create(StreamingOutputCallRequestSchema, { responseParameters })
      const call = client.serverStream(testService.streamingOutputCall, request)
      for (const size of replySizes) expect((await call.next())?.payload?.body.length).toBe(size)
      expect(await call.next()).toBeUndefined()
      expectStatus(await call.status, GrpcStatus.OK)
    },
  },
  {
    name: 'ping_pong',
    async run(client) {
      const call = client.bidi(testService.fullDuplexCall)
      for (const [index, size] of replySizes.entries()) {
        await call.write(outputRequest(size, requestSizes[index]!))
        expect((await call.next())?.payload?.body.length).toBe(size)
      }
      call.end()
      expect(await call.next()).toBeUndefined()
      expectStatus(await call.status, GrpcStatus.OK)
    },
  },
  {
    name: 'empty_stream',
    async run(client) {
      const call = client.bidi(testService.fullDuplexCall)
      call.end()
      expect(await call.next()).toBeUndefined()
      expectStatus(await call.status, GrpcStatus.OK)
    },
  },
  {
    name: 'cancel_after_begin',
    async run(client) {
      const call = client.clientStream(testService.streamingInputCall)
      call.cancel()
      expectStatus(await call.status, GrpcStatus.CANCELLED)
    },
  },
  {
    name: 'cancel_after_first_response',
    async run(client) {
      const call = client.bidi(testService.fullDuplexCall)
      await call.write(outputRequest(31415, 27182))
      expect((await call.next())?.payload?.body.length).toBe(31415)
      call.cancel()
      expectStatus(await call.status, GrpcStatus.CANCELLED)
    },
  },
  {
    name: 'timeout_on_sleeping_server',
    async run(client) {
      const call = client.bidi(testService.fullDuplexCall, { timeoutMs: 1 })
      // The deadline may well pass before the message is on its way.
      await call.write(create(StreamingOutputCallRequestSchema, { payload: zeros(27182) })).catch(() => undefined)
      expectStatus(await call.status, GrpcStatus.DEADLINE_EXCEEDED)
    },
  },
  {
    name: 'custom_metadata',
    async run(client) {
      const bytes = Buffer.from([0xab, 0xab, 0xab])
      const metadata = { [initialKey]: 'test_initial_metadata_value', [trailingKey]: bytes }
      const request = create(SimpleRequestSchema, { responseSize: 314159, payload: zeros(271828) })
      const unary = await client.unary(testService.unaryCall, request, { metadata })
      expect(unary.headers.get(initialKey)).toEqual(['test_initial_metadata_value'])
      expect(unary.status.metadata.get(trailingKey)).toEqual([bytes])
      const call = client.bidi(testService.fullDuplexCall, { metadata })
      await call.write(outputRequest(314159, 271828))
      call.end()
      expect((await call.headers).get(initialKey)).toEqual(['test_initial_metadata_value'])
      expect((await call.next())?.payload?.body.length).toBe(314159)
      expect((await call.status).metadata.get(trailingKey)).toEqual([bytes])
    },
  },
  {
    name: 'status_code_and_message',
    run: (client) => expectEcho(client, GrpcStatus.UNKNOWN, 'test status message', true),
  },
  {
    name: 'special_status_message',
    run: (client) => expectEcho(client, GrpcStatus.UNKNOWN, specialMessage, false),
  },
  {
    name: 'unimplemented_method',
    async run(client) {
      const { status } = await client.unary(testService.unimplementedCall, create(EmptySchema))
      expectStatus(status, GrpcStatus.UNIMPLEMENTED)
    },
  },
  {
    name: 'unimplemented_service',
    async run(client) {
      const { status } = await client.unary(unimplementedService.unimplementedCall, create(EmptySchema))
      expectStatus(status, GrpcStatus.UNIMPLEMENTED)
    },
  },
]
