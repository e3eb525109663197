import { connect, type ClientHttp2Session } from 'node:http2'
import { runLoad } from '@qps/loadgen'
import { expect, test } from 'vitest'
import { startArm } from '../src/arm.ts'
import { preparePeer } from '../src/peers.ts'

/** A first build compiles gRPC, and may fetch. */
const patienceMs = 200_000

/** Calls a method of the workload with these messages, encoded. @returns what came back, prefixes and all, and the status. */
async function call(session: ClientHttp2Session, method: string, ...messages: Buffer[]) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/qps.v1.Workload/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  let status: unknown
  // An answer without a message has its status in the one header section that there is.
  for (const section of ['response', 'trailers']) stream.on(section, (headers) => (status = headers['grpc-status']))
  stream.end(Buffer.concat(messages.map(framed)))
  const answer = Buffer.concat(await stream.toArray())
  return { answer, status }
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** A message whose field 1 is a text of fewer than 128 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, value.length]), Buffer.from(value)])
}

test('grpc-go serves the workload, and our generator understands it', { timeout: patienceMs }, async (context) => {
  const spec = await preparePeer('grpc-go')
  if ('reason' in spec) {
    const why = `${spec.reason}; ${spec.install}`
    if (process.env['REAL_SERVICES'] === 'required') throw new Error(why)
    return context.skip(why)
  }
  await using arm = await startArm(spec)
  const session = connect(arm.url)
  const ok = (...replies: Buffer[]) => ({ status: '0', answer: Buffer.concat(replies.map(framed)) })
  const hello = text('hello')

  expect(await call(session, 'Echo', hello)).toEqual(ok(hello))
  const { answer } = await call(session, 'Status', Buffer.alloc(0))
  expect(answer.subarray(7).toString()).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
  expect(await call(session, 'Chat', hello, text('again'))).toEqual(ok(hello, text('again')))
  // Two messages (field 1) of ten bytes (field 2).
  expect(await call(session, 'Collect', hello, hello)).toEqual(ok(Buffer.from([0x08, 2, 0x10, 10])))
  // Three (field 1) of two bytes (field 2).
  const zeros = text('\0\0')
  expect(await call(session, 'Expand', Buffer.from([0x08, 3, 0x10, 2]))).toEqual(ok(zeros, zeros, zeros))
  const tooMuch = Buffer.from([0x08, 0xff, 0x7f, 0x10, 0xff, 0xff, 0x7f])
  expect((await call(session, 'Expand', tooMuch)).status).toBe('3')
  session.close()

  const url = new URL('/qps.v1.Workload/Echo', arm.url).href
  const load = await runLoad({ url, protocol: 'grpc', grpcBytes: 64, connections: 2, pipeline: 8, durationS: 0.5 })
  expect(load.requests).toBeGreaterThan(100)
  expect(load.grpcStatus).toEqual({ 0: load.requests })
  expect(load.errors).toBe(0)
  expect(await arm.stop()).toBeUndefined()
})
