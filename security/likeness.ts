/**
 * What of a server a row tries:
 *
 * - `connections`: what becomes of a connection and of the bytes on it, up to a request and from an answer on: limits of
 *   time, number and size, the parser, the drain;
 * - `messages`: what a handler gets of a request, and what is made of what it answers;
 * - `memory`: whose memory an answer is made in.
 */
export type Facet = 'connections' | 'messages' | 'memory'

/** A variant that runs the very code of another one: what is tried there need not be tried again. */
export interface Likeness {
  /** Stage and variant of the other. */
  to: string
  /** In these; in the others it is tried itself. */
  in: readonly Facet[]
  because: string
}

const every: readonly Facet[] = ['connections', 'messages', 'memory']
const observed = '01-minimal-server observed'
const ring = '02-event-loop io_uring'
const beside = { to: ring, in: every, because: 'its HTTP/1.1 is the same call with the same router and limits' }
const stageFive = {
  to: ring,
  in: every,
  because: 'the contract is answered by the same call with the same router; routes of its own have tests in its folder',
}

/**
 * By stage and variant. Who is not in here is tried in everything, so that a new variant is tried until somebody gives a
 * reason why not.
 */
export const likenesses: Readonly<Record<string, Likeness>> = {
  '01-minimal-server hardened': {
    to: observed,
    in: every,
    because: 'observed is the same server, with callbacks that count: nothing of hardened is missing in it',
  },
  '02-event-loop baseline': { to: observed, in: every, because: 'it makes the same call with the same callbacks' },
  '02-event-loop cluster': {
    to: observed,
    in: ['connections', 'messages'],
    because: 'each member is the baseline; what is the process’s own, its memory, is tried',
  },
  '02-event-loop reuseport': {
    to: observed,
    in: ['connections', 'messages'],
    because: 'each member is the baseline; what is the thread’s own, its memory, is tried',
  },
  '02-event-loop libuv': {
    to: ring,
    in: ['messages'],
    because: 'a poller knows no request: parser, router and answers above it are the same',
  },
  '02-event-loop epoll': {
    to: ring,
    in: ['messages'],
    because: 'a poller knows no request: parser, router and answers above it are the same',
  },
  '02-event-loop fastify-netpoll': {
    to: ring,
    in: ['connections'],
    because: 'connections are the engine’s; Fastify gets requests, and gives answers',
  },
  '03-http2-grpc baseline': beside,
  '03-http2-grpc http2': beside,
  '03-http2-grpc grpc': beside,
  '03-http2-grpc grpc-raw': beside,
  '03-http2-grpc http2-netpoll': beside,
  '03-http2-grpc grpc-netpoll': beside,
  '03-http2-grpc tls': beside,
  '03-http2-grpc quic': beside,
  '04-memory-pooling baseline': onlyMemory('an object and a string per answer'),
  '04-memory-pooling naive': onlyMemory('copies and joined strings'),
  '04-memory-pooling compiled': onlyMemory('a string of a compiled function'),
  '04-memory-pooling pooled': onlyMemory('leased buffers'),
  '04-memory-pooling zero': {
    to: ring,
    in: ['connections'],
    because: 'the engine is the same; requests and answers are objects that are used again, so these are tried',
  },
  '04-memory-pooling unsafe': {
    to: ring,
    in: every,
    because: 'it breaks the row of reused memory on purpose, which its own tests show, and is the engine in all else',
  },
  '05-concurrency baseline': stageFive,
  '05-concurrency context': stageFive,
  '05-concurrency shared-map': {
    to: ring,
    in: ['connections', 'messages'],
    because: 'each member is the engine with the same limits; its memory is that of several threads, and tried',
  },
  '05-concurrency worker-pool': stageFive,
}

function onlyMemory(how: string): Likeness {
  return {
    to: ring,
    in: ['connections', 'messages'],
    because: `only the item is made another way, by ${how}: that is memory, and tried`,
  }
}
