import { setTimeout as sleep } from 'node:timers/promises'
import { createGrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { callOf, frame, rawHttp2, settings } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { transports } from './interop/transports.ts'

const call = callOf('/qps.v1.Workload/Echo')
/** The five bytes of gRPC, then an echo request whose payload is this text. */
function message(payload: string): Buffer {
  const encoded = Buffer.concat([Buffer.from([10, payload.length]), Buffer.from(payload)])
  return Buffer.concat([Buffer.from([0, 0, 0, 0, encoded.length]), encoded])
}
/** PING frames of the server, to be acknowledged by whoever has read them. */
const pings = (received: Buffer): Buffer[] => {
  const found: Buffer[] = []
  for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
    if (received[at + 3] === 6 && received[at + 4] === 0) found.push(received.subarray(at + 9, at + 17))
  }
  return found
}

describe.each(transports)('over %s', (_transport, listen) => {
  test('a call that was on its way when the server began to leave is answered, on a connection that was at rest too', async () => {
    const server = createGrpcServer()
    server.addService(workloadDefinition, workload({ status: () => Buffer.alloc(0) }))
    const { port } = await listen(server)
    const client = await rawHttp2(port)
    let received = Buffer.alloc(0)
    client.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])))
    client.write(Buffer.concat([settings(), call(1), frame(0, 1, 1, message('early'))]))
    await sleep(100)
    const closing = server.close()
    await sleep(50)
    // It has not read the notice yet: it asks once more, and answers the ping behind that.
    client.write(Buffer.concat([call(3), frame(0, 1, 3, message('late'))]))
    await sleep(20)
    for (const payload of pings(received)) client.write(frame(6, 1, 0, payload))
    expect(await closing).toMatchObject({ completed: 1, dropped: 0 })
    const text = received.toString('latin1')
    expect(text).toContain('early')
    expect(text).toContain('late')
  })
})
