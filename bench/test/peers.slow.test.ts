import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { parseAnswer } from '../src/answer.ts'
import { checkAnswer } from '../src/answer-check.ts'
import { type Arm, startArm } from '../src/arm.ts'
import { preparePeer } from '../src/peers.ts'
import { checkPipelined } from '../src/pipelined-check.ts'
import { runRound } from '../src/round.ts'
import { statusAnswer } from '../src/scenario.ts'
import { checkStreams } from '../src/streams-check.ts'
import { pointsOf } from '../src/sweep.ts'
import { generator } from '../scenarios/02-generator.scenario.ts'
import { scenarios } from '../scenarios/index.ts'

/** A first build compiles a toolchain's standard library, and may fetch. */
const patienceMs = 200_000

const servers = scenarios.flatMap(({ peers, program }) => (program === undefined ? peers : []))

test.for([...new Set(servers)].toSorted())(
  '%s gives the right answer, to one request and to many at once, and ends when it is told to',
  { timeout: patienceMs },
  async (name, context) => {
    const spec = await preparePeer(name)
    if ('reason' in spec) {
      const why = `${spec.reason}; ${spec.install}`
      if (process.env['REAL_SERVICES'] === 'required') throw new Error(why)
      return context.skip(why)
    }
    await using arm = await startArm(spec)
    const { protocol, text } = await checkAnswer(arm, statusAnswer)
    if (protocol === 'h1') {
      expect(text).toMatch(/^date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/im)
      await checkPipelined(arm, statusAnswer)
    } else {
      await checkStreams(arm, statusAnswer)
      await checkAnswer(arm, statusAnswer, { echoBytes: 16_384 })
    }
    expect(await arm.stop()).toBeUndefined()
  },
)

/** A running peer, or undefined where its toolchain is missing: the test above says so. */
async function startPeer(name: string): Promise<Arm | undefined> {
  const spec = await preparePeer(name)
  return 'reason' in spec ? undefined : startArm(spec)
}

async function connectTo({ url }: Arm): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  return socket
}

test('c-epoll finds the end of a request wherever it is cut, and answers no sooner', async (context) => {
  await using arm = await startPeer('c-epoll')
  if (arm === undefined) return context.skip()
  const socket = await connectTo(arm)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nOdd: \r\r\n\r\n'
  for (const byte of request.slice(0, -1)) {
    socket.write(byte)
    await sleep(2)
  }
  expect(text).toBe('')
  socket.write(request.slice(-1))
  await expect.poll(() => parseAnswer(text)?.status).toBe(200)
  socket.destroy()
})

test('c-epoll answers every request of a client that reads late', async (context) => {
  await using arm = await startPeer('c-epoll')
  if (arm === undefined) return context.skip()
  const socket = await connectTo(arm)
  const count = 200_000
  socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(count))
  await sleep(300)
  let answers = 0
  let rest = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('HTTP/1.1 200 OK\r\n')
    rest = parts.pop()!
    answers += parts.length
  })
  await expect.poll(() => answers, { timeout: 20_000 }).toBe(count)
  // The last one has nothing behind it that would end it.
  expect(rest).toMatch(/\r\n\r\n\{"status":"ok","ts":\d{13}\}$/)
  socket.destroy()
})

test('c-epoll renews its answer every second', async (context) => {
  await using arm = await startPeer('c-epoll')
  if (arm === undefined) return context.skip()
  const tsOf = async (): Promise<number> => Number(/\d{13}/.exec((await checkAnswer(arm, statusAnswer)).body)![0])
  const before = await tsOf()
  await sleep(1100)
  expect((await tsOf()) - before).toBeGreaterThan(500)
})

test.for(pointsOf(generator))('wrk sends $inputs, and counts what was answered', async ({ program }, context) => {
  const spec = await preparePeer('wrk')
  if ('reason' in spec) {
    const why = `${spec.reason}; ${spec.install}`
    if (process.env['REAL_SERVICES'] === 'required') throw new Error(why)
    return context.skip(why)
  }
  const load = (): never => {
    throw new Error('a program is not loaded')
  }
  const plan = { program: { ...program!, durationS: 1 } }
  const { findings, program: record } = await runRound(spec, plan, { round: 1, position: 1 }, { load })
  expect(findings).toEqual([])
  expect(record!.requests).toBeGreaterThan(1000)
})
