import { type Expectation, type ProgramScenario, programVariant } from '../src/scenario.ts'

const kibibyte = 1024
const sizes = [1, 4, 16, 64, 256].map((kib) => kib * kibibyte)

/** The first one's figure is not near zero, so that noise can be told in relation to it. */
const kinds = [
  'grpc-js',
  'grpc-raw',
  'grpc-netpoll',
  'node-http2',
  'node-http',
  'netpoll-libuv',
  'netpoll-epoll',
  'netpoll-io_uring',
  'send',
  'send-zc',
  'splice',
]

/** Bounds leave room for what the compiler and the collector copy meanwhile. */
const none = 0.1
const once = 1.1

/** At 16 KB, the article's size. */
function copied(variant: string, says: string, bound: { atMost: number } | { atLeast: number }): Expectation {
  return { claim: '2.3a', says, measure: 'answerCopies', variant, ...bound }
}

/**
 * Question: how often is an answer copied in user space on its way to the kernel, and how many system calls does a request take?
 *
 * Claims: 2.3a (gRPC sends without copying), 2.3c (a message goes from the application's slice straight to the network card).
 *
 * Method: counting instead of timing. What belongs to no request is kept out by size: see `programs/copies/copy-counter.ts`.
 */
export const copies: ProgramScenario = {
  name: '03-copies',
  question:
    'How often is an answer copied in user space before the kernel has it, by which protocol and library, and how many ' +
    'system calls does a request take?',
  claims: ['2.3a', '2.3c'],
  method:
    'Each server runs in a process of its own and answers from one buffer of the size that is asked for, over loopback, one ' +
    'request after the other on one connection, and at 16 KB also on sixteen: a unary call of gRPC whose reply holds the ' +
    'bytes, on grpc-js, on our own over node:http2 and over the engine; HTTP/2 on Node; HTTP/1.1 on Node and on the engine; ' +
    'and three ways to send of the engine ' +
    'that copy less. In the first half of the time a library that stands in front of memcpy and memmove counts the copies ' +
    'that can be of an answer (from nine tenths of its length, or 4 KiB, up to twice its length); in the second, strace ' +
    'counts the system calls of all threads. What the kernel copies itself is not in it, but it says which zero-copy sends ' +
    'it has copied after all.',
  program: {
    settings: {},
    warmupS: 0.5,
    durationS: 1,
    gives: {
      answerCopies: 'figures.answerCopies',
      copiesPerRequest: 'figures.copies',
      copiedBytesPerRequest: 'figures.copiedBytes',
      systemCallsPerRequest: 'figures.systemCalls',
      copiedAfterAll: 'figures.copiedAfterAll',
    },
  },
  sweep: [
    ...sizes.map((bytes) => ({ inputs: { bytes, connections: 1 }, headline: bytes === 16 * kibibyte })),
    { inputs: { bytes: 16 * kibibyte, connections: 16 } },
  ],
  variants: kinds.map((kind) => programVariant(kind, 'copies', ['--kind', kind])),
  peers: [],
  decidedBy: 'answerCopies',
  expectations: [
    copied('node-http', 'node:http hands a buffer to the kernel without a copy', { atMost: none }),
    copied('node-http2', 'so does node:http2', { atMost: none }),
    copied('netpoll-io_uring', 'the engine copies a lent answer once', { atMost: once }),
    copied('grpc-js', 'gRPC on grpc-js copies an answer in user space', { atLeast: 1 }),
    copied('grpc-raw', 'so does our gRPC', { atLeast: 1 }),
    copied('send', 'sending from memory that the kernel reads needs no copy in user space', { atMost: none }),
    copied('splice', 'a file is sent without passing through user space', { atMost: none }),
    {
      claim: '2.3c',
      says: 'on loopback the kernel copies what was sent without a copy after all',
      measure: 'copiedAfterAll',
      variant: 'send-zc',
      atLeast: 0.99,
    },
  ],
}
