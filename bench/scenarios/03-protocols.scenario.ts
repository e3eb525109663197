import { type Access, type Expectation, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '03-http2-grpc'

/** A variant of the stage under the name of what it is asked in. */
function arm(name: string, variant: string, access: Access) {
  return { ...stageVariant(stage, variant, [], access), name }
}

function less(variant: string, versus: string, says: string, claim = '1.4'): Expectation {
  return { claim, says, measure: 'cpuUsPerRequest', variant, versus, direction: 'lower' }
}

/**
 * Question: what does the same small answer cost over each protocol, at a rate that all of them hold?
 *
 * Claims: 1.4 (from HTTP/1.1 to gRPC and QUIC), 2.5a and 2.5b (TLS, and what it chooses by ALPN).
 *
 * Method: every arm is asked for the status: by GET / or by the call Status, whose message holds the same bytes. Connections,
 * rate and the number of requests under way are the same for all: what a protocol may do beyond that is in 03-http2-tuning.
 */
export const protocols: ServerScenario = {
  name: '03-protocols',
  question: 'What does the same small answer cost over each protocol, at a rate that all of them hold?',
  claims: ['1.4', '2.5a', '2.5b'],
  method:
    'The status, by GET / and over gRPC by the call Status, whose message carries the same bytes: over 16 kept connections on ' +
    'loopback, one request at a time on each, at one rate for all arms; latency from the intended start. CPU of the whole ' +
    'process tree from the operating system: at this rate a server sleeps between requests, and waking up is in the figure. The ' +
    'rate is one that leaves room on two cores for a generator that waits by spinning: at twice as many it was late for several ' +
    'arms. The handshakes over TLS, one per connection and load, are in the figure too; the encryption of every answer is what it ' +
    'shows. h1 and what ends in netpoll run on our engine, h3 on quiche over UDP, everything else of ours on node:http and ' +
    'node:http2; grpc-go has all cores.',
  answer: statusAnswer,
  phases: [
    {
      name: 'paced',
      connections: 16,
      rateQps: 1000,
      warmupS: 2,
      // As many requests as at twice the rate in half the time: CPU time is told in steps.
      durationS: 10,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        achievedQps: 'achievedQps',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
        latencyMsP999: 'latencyMsP999',
        residentBytes: 'residentBytes',
      },
    },
  ],
  variants: [
    arm('h1', 'baseline', { protocol: 'h1' }),
    arm('h2', 'http2', { protocol: 'h2' }),
    arm('h2-netpoll', 'http2-netpoll', { protocol: 'h2' }),
    arm('h1-tls', 'tls', { protocol: 'h1', tls: true }),
    arm('h2-tls', 'tls', { protocol: 'h2', tls: true }),
    arm('h3', 'quic', { protocol: 'h3' }),
    arm('grpc-js', 'grpc', { protocol: 'grpc' }),
    arm('grpc-raw', 'grpc-raw', { protocol: 'grpc' }),
    arm('grpc-netpoll', 'grpc-netpoll', { protocol: 'grpc' }),
    arm('grpc-raw-tls', 'tls', { protocol: 'grpc', tls: true }),
  ],
  peers: ['grpc-go', 'node-http'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    less('h1', 'h2', 'HTTP/1.1 on our engine costs less than HTTP/2 on node:http2'),
    less('h2-netpoll', 'h2', 'HTTP/2 costs less on our engine than on node:http2'),
    less('h2', 'grpc-js', 'HTTP/2 costs less than the same answer as a call on grpc-js'),
    less('grpc-raw', 'grpc-js', 'a call costs less on our gRPC than on grpc-js'),
    less('h2', 'h2-tls', 'HTTP/2 costs less without TLS than with it', '2.5b'),
    less(
      'h2-tls',
      'h3',
      'HTTP/2 over TLS costs less than HTTP/3, whose packets the process makes itself, one system call each',
    ),
  ],
}
