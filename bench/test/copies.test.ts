import { once } from 'node:events'
import { connect } from 'node:http2'
import { createGrpcClient, create, StatusRequestSchema, workloadDefinition } from '@qps/grpc'
import { probe } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import { answerBody } from '../programs/copies/answer.ts'
import { ways } from '../programs/copies/direct-server.ts'
import { type AnswerServer, kinds } from '../programs/copies/kinds.ts'
import { parseStraceTable } from '../programs/copies/system-calls.ts'

async function contentOf({ protocol, address }: AnswerServer): Promise<Buffer> {
  const url = `http://${address}`
  if (protocol === 'h1') return Buffer.from(await (await fetch(url)).arrayBuffer())
  if (protocol === 'grpc') {
    await using client = createGrpcClient({ origin: url })
    return Buffer.from((await client.unary(workloadDefinition.status, create(StatusRequestSchema))).body)
  }
  const session = connect(url)
  const stream = session.request({ ':path': '/' })
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  session.close()
  await once(session, 'close')
  return Buffer.concat(pieces)
}

const needsRing = (kind: string): boolean => kind === 'netpoll-io_uring' || ways.some((way) => way === kind)
const usable = Object.keys(kinds).filter(
  (kind) =>
    !(needsRing(kind) && probe().io_uring !== undefined) && !(kind === 'netpoll-epoll' && probe().epoll !== undefined),
)

describe('servers whose copies are counted', () => {
  test.each(usable)('%s answers with the bytes that were asked for, again and again', async (kind) => {
    for (const bytes of [1_024, 100_000]) {
      const server = await kinds[kind]!(bytes)
      for (let count = 0; count < 3; count++) {
        expect((await contentOf(server)).equals(answerBody(bytes)), `${bytes} bytes`).toBe(true)
      }
      await server.close()
    }
  })

  test('those that differ in the way to send answer alike, byte for byte, to requests in pieces and in one', async () => {
    const answers = new Set<string>()
    for (const way of ways.filter((name) => usable.includes(name))) {
      const server = await kinds[way]!(2_000)
      const { connect: open } = await import('node:net')
      const [host, port] = server.address.split(':') as [string, string]
      const socket = open(Number(port), host)
      const pieces: Buffer[] = []
      socket.on('data', (piece: Buffer) => pieces.push(piece))
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r')
      await new Promise((resolve) => setTimeout(resolve, 20))
      socket.end('\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n')
      await once(socket, 'close')
      answers.add(Buffer.concat(pieces).toString('latin1'))
      await server.close()
    }
    expect(answers.size).toBeLessThanOrEqual(1)
    for (const answer of answers) expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
  })
})

test('the table of strace is read, with and without errors', () => {
  const table = [
    '% time     seconds  usecs/call     calls    errors syscall',
    '------ ----------- ----------- --------- --------- ----------------',
    ' 74.88    0.040508         526        77         5 futex',
    ' 25.12    0.011579        1511      1007           epoll_pwait',
    '100.00    0.052087                  1084         5 total',
  ]
  expect(parseStraceTable(table.join('\n'))).toEqual({ futex: 77, epoll_pwait: 1007 })
  expect(parseStraceTable('')).toEqual({})
})
