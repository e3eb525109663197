import { type Expectation, type Phase, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '03-http2-grpc'
const grpc = { protocol: 'grpc' } as const

/** Payload of each call and of its answer, in bytes; calls under way on the one connection. */
const points = [64, 16_384].flatMap((payloadBytes) =>
  [1, 10, 100].map((streams) => ({
    inputs: { payloadBytes, streams },
    headline: payloadBytes === 64 && streams === 100,
  })),
)

function phasesAt({ payloadBytes, streams }: (typeof points)[number]['inputs']): Phase[] {
  const calls = { connections: 1, pipeline: streams, echoBytes: payloadBytes }
  return [
    {
      name: 'closed',
      ...calls,
      warmupS: 2,
      durationS: 5,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        residentBytes: 'residentBytes',
      },
    },
    {
      name: 'paced',
      ...calls,
      // What every arm holds with one call at a time and 16 KB.
      rateQps: 1000,
      warmupS: 0.5,
      durationS: 5,
      gives: {
        pacedCpuUsPerRequest: 'serverCpuUsPerRequest',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
        latencyMsP999: 'latencyMsP999',
      },
    },
  ]
}

/**
 * Question: what does a unary call cost on grpc-js, on our gRPC over node:http2 and over the engine, and on grpc-go?
 *
 * Claims: 1.4 (gRPC in place of HTTP/1.1), 2.3b (the cost of a call of 16 KB).
 *
 * Method: one connection, as one channel of gRPC is, with all calls as streams of it. The arms of ours run the same handlers.
 */
export const grpcUnary: ServerScenario = {
  name: '03-grpc-unary',
  question:
    'What does a unary call cost on grpc-js, on our gRPC over node:http2 and over HTTP/2 on the engine, and on grpc-go?',
  claims: ['1.4', '2.3b'],
  method:
    'Calls of Echo with a payload that comes back, over one connection in cleartext on loopback, as one channel of gRPC is: ' +
    'streams is the number of calls under way on it, in total. Closed loop for CPU per call and calls per second, then an ' +
    'open loop at one rate, with as many streams at most, for latency from the intended start. Before that every arm must ' +
    'answer 32 calls at once, every second one with a payload of its own, each by one message and status 0 in trailers. CPU of the whole process tree from the ' +
    'operating system, over the measured window only; a fresh process per arm, input and round. The arms of Node have one event ' +
    'loop, grpc-go has all cores.',
  answer: statusAnswer,
  phases: [],
  sweep: points.map((point) => ({ ...point, phases: phasesAt(point.inputs) })),
  variants: [
    { ...stageVariant(stage, 'grpc', [], grpc), name: 'grpc-js' },
    stageVariant(stage, 'grpc-raw', [], grpc),
    stageVariant(stage, 'grpc-netpoll', [], grpc),
  ],
  peers: ['grpc-go'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    ...points.map(({ inputs, headline }): Expectation => ({
      claim: inputs.payloadBytes === 64 ? '1.4' : '2.3b',
      says: `grpc-raw costs at most three fifths of grpc-js, ${inputs.payloadBytes} bytes and ${inputs.streams} at a time`,
      measure: 'cpuUsPerRequest',
      variant: 'grpc-raw',
      versus: 'grpc-js',
      ratioAtMost: 0.6,
      ...(headline ? {} : { at: inputs }),
    })),
    {
      claim: '1.4',
      says: 'the same gRPC costs less on the engine than on node:http2',
      measure: 'cpuUsPerRequest',
      variant: 'grpc-netpoll',
      versus: 'grpc-raw',
      direction: 'lower',
    },
  ],
}
