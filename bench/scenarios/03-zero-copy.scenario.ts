import type { Measure } from '../src/measures.ts'
import {
  type Access,
  type Expectation,
  type Phase,
  type RightAnswer,
  type ServerScenario,
  type Variant,
} from '../src/scenario.ts'

const kibibyte = 1024
const sizes = [1, 4, 16, 64, 256].map((kib) => kib * kibibyte)

const answer: RightAnswer = {
  path: '/',
  status: 200,
  contentType: 'text/plain',
  body: /^(?:abcdefghijklmnop)+$/,
  grpc: { path: '/qps.v1.Workload/Status', echoPath: '/qps.v1.Workload/Echo' },
}

function server(kind: string, access: Access = {}): Variant {
  return { name: kind, command: ['{node}', '{root}/bench/dist/programs/copies-server.js', '--kind', kind], ...access }
}

/** The same rate for all at one size: one that the slowest should hold with half of a core. */
function rateAt(bytes: number): number {
  if (bytes > 64 * kibibyte) return 250
  return bytes > 16 * kibibyte ? 500 : 2000
}

function phase(bytes: number): Phase {
  return {
    name: 'paced',
    connections: 16,
    rateQps: rateAt(bytes),
    warmupS: 1,
    durationS: 5,
    gives: {
      cpuUsPerRequest: 'serverCpuUsPerRequest',
      generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
      achievedQps: 'achievedQps',
      latencyMsP50: 'latencyMsP50',
      latencyMsP99: 'latencyMsP99',
      residentBytes: 'residentBytes',
    },
  }
}

/** @param kib of the answer, 16 by default. */
function lower(measure: Measure, variant: string, versus: string, says: string, kib = 16): Expectation {
  return { claim: '2.3b', says, measure, variant, versus, direction: 'lower', at: { bytes: kib * kibibyte } }
}

/**
 * Question: what do 16 KB cost to send with and without copies, and from which size on does it pay to copy less?
 *
 * Claims: 2.3a (zero-copy sending), 2.3b (at 16 KB it halves the CPU and takes two thirds of the latency).
 *
 * Method: one rate for all arms of a size, which each of them must hold; the ways to send differ in nothing else. The article's
 * gain is read off gRPC against itself, which has no way to send without copies; so gRPC stands beside HTTP/1.1.
 */
export const zeroCopy: ServerScenario = {
  name: '03-zero-copy',
  question:
    'What does an answer of 16 KB cost over gRPC, and over a server that sends with one copy less, from registered memory, ' +
    'without a copy, or from a file; and from which size on does it pay?',
  claims: ['2.3a', '2.3b'],
  method:
    'The same content from 1 to 256 KB over 16 connections of loopback with one request at a time on each: as a unary call of ' +
    'gRPC, on grpc-js, on our own over node:http2 and over the engine, and over HTTP/1.1 from servers on one engine that ' +
    'differ in the way to send only. ' +
    '`write` copies into the blocks of the engine, `send` lets the kernel copy from where the answer lies, `write-fixed` does so ' +
    'from registered memory, `send-zc` and `send-zc-fixed` let the socket refer to it; `read` reads a file for each answer, ' +
    '`splice` has the kernel move its pages. An open loop at one rate for all arms of a size: 2,000 a second up to 16 KB, 500 at ' +
    '64 KB, 250 at 256 KB. CPU of the process tree, threads of the kernel that work for it included. The p99 of the arms of gRPC is no ' +
    'part of the verdict: their collector marks on threads of its own, which take the core of the generator, and with two cores ' +
    'nobody can tell whose milliseconds those are. On loopback the kernel copies ' +
    'zero-copy sends when they arrive; a network card would not, so this shows the price of the method and not its gain.',
  answer,
  phases: [phase(16 * kibibyte)],
  sweep: sizes.map((bytes) => ({
    inputs: { bytes },
    args: ['--bytes', String(bytes)],
    phases: [phase(bytes)],
    headline: bytes === 16 * kibibyte,
  })),
  variants: [
    server('grpc-js', { protocol: 'grpc' }),
    server('grpc-raw', { protocol: 'grpc' }),
    server('grpc-netpoll', { protocol: 'grpc' }),
    ...['write', 'send', 'write-fixed', 'send-zc', 'send-zc-fixed', 'read', 'splice'].map((kind) => server(kind)),
  ],
  peers: [],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    lower('cpuUsPerRequest', 'grpc-raw', 'grpc-js', 'our gRPC takes less CPU for 16 KB than grpc-js'),
    ...[16, 64, 256].flatMap((kib) => [
      lower('cpuUsPerRequest', 'send', 'write', `one copy less pays at ${kib} KB`, kib),
      lower('cpuUsPerRequest', 'send-zc', 'send', `zero-copy pays at ${kib} KB`, kib),
      lower('cpuUsPerRequest', 'send-zc-fixed', 'send', `zero-copy from registered memory pays at ${kib} KB`, kib),
      lower(
        'cpuUsPerRequest',
        'splice',
        'read',
        `a file of ${kib} KB is cheaper to splice than to read and write`,
        kib,
      ),
    ]),
  ],
}
