import { checkInteger, checkNumber, describe, QpsError } from '@qps/core'
import { protocolDefaults, windowBytesMax } from '@qps/http2-frames'
import { grpcBody, grpcFields, http2Fields, type Http2Message, payloadMessage } from './http2/message.ts'
import { http3Message } from './http3/message.ts'
import { hasRange, rangeMax } from './path-range.ts'
import { type Message, messageBytes, messageCount, type Protocol } from './protocol.ts'
import { http1Message, requestsBytesMax } from './request.ts'
import { checkTransport, checkUrl, usualSecureTransport } from './target-options.ts'
import { type TlsTarget, tlsTarget } from './tls-target.ts'

const protocols: readonly Protocol[] = ['h1', 'h2', 'h3', 'grpc']
/** gRPC is a use of HTTP/2. */
const alpnOf: Readonly<Record<Protocol, TlsTarget['alpn']>> = { h1: 'http/1.1', h2: 'h2', h3: 'h3', grpc: 'h2' }

/** What `runLoad` is asked to do. Only `url` is required; {@link loadDefaults} holds the rest. */
export interface LoadOptions {
  /**
   * Where to, `http://` or, over TLS, `https://`. Path and query are sent as they stand. With `h1` they may have one range,
   * `/items/[1-1000]`: requests then take turns through its numbers, 65,536 at most, in an order that is the same in every run.
   */
  url: string
  /**
   * `h1` (default), HTTP/1.1; `h2`, HTTP/2, in cleartext with prior knowledge; `grpc`, unary calls of gRPC over the same, where
   * the URL's path names the method. Over TLS by ALPN. `h3`, HTTP/3 over QUIC, to `https://` only, whose port is one of UDP.
   */
  protocol?: 'h1' | 'h2' | 'h3' | 'grpc'
  /** Connections in all, 1..10,000; default 64. */
  connections?: number
  /** Seconds measured, 0.1..3600; default 10. */
  durationS?: number
  /** Requests per second offered in an open loop, 1..10,000,000; absent: a closed loop. */
  rateQps?: number
  /** Requests outstanding on one connection at most, 1..1024; default 1. With HTTP/2 and HTTP/3: streams in flight. */
  pipeline?: number
  /** Capitals; default GET, and POST with gRPC, which has no other. CONNECT is refused. */
  method?: string
  /** Sent with every request, with its Content-Length; 1 MiB at most. Default none. With gRPC: the message, encoded. */
  body?: string | Uint8Array
  /** gRPC, instead of `body`: a protobuf message whose field 1 holds so many bytes, 0..1,048,576. Default 0: an empty one. */
  grpcBytes?: number
  /**
   * Further header fields. `Host` may be replaced; `Content-Length` and `Transfer-Encoding` may not be given. With gRPC: the
   * metadata.
   */
  headers?: Record<string, string>
  /** Worker threads that generate, 1..64 and at most one per connection; default 1. With HTTP/3: processes. */
  threads?: number
  /** Seconds of load before the measured ones, 0..600; default 0. Errors count there too. */
  warmupS?: number
  /** Seconds that a connection may owe an answer, 0.05..600; default 10. Looked at every tenth of it. */
  timeoutS?: number
  /** True where correct answers differ in length; default false, true with a range. Chunked ones may always differ. */
  lengthVaries?: boolean
  /**
   * HTTP/2 and HTTP/3: what the server may send ahead of us, on each stream and on the connection: 65,535..2^31-1 bytes, default
   * 2^30-1, so that the window is never the limit. What arrives is counted and thrown away.
   */
  windowBytes?: number
  /** TLS: certificates of authorities, PEM, that are trusted instead of those that Node trusts. */
  ca?: string
  /** TLS: true takes any certificate, from anybody. Default false. */
  insecure?: boolean
  /** Ends the run early, with what was measured until then. */
  signal?: AbortSignal
  /** Called about four times a second. */
  onProgress?: (progress: LoadProgress) => void
  /**
   * What carries the bytes: `netpoll` (default), the engine of @qps/netpoll, which falls back by itself; `net`, node:net; or
   * the URL of a module that exports `createTransport` (see transport.ts). Over TLS `tls`, node:tls, is the default. HTTP/3 has
   * `quic`, and no other.
   */
  transport?: string
}

/** How far a run is. */
export interface LoadProgress {
  /** Seconds since the load began, warm-up included. */
  elapsedS: number
  /** Correct answers so far, warm-up included. */
  requests: number
  errors: number
  /** Correct answers per second since the last report. */
  qps: number
}

/** What a run does where nothing else is said. */
export const loadDefaults: Readonly<
  Required<
    Pick<
      LoadOptions,
      | 'protocol'
      | 'connections'
      | 'durationS'
      | 'pipeline'
      | 'method'
      | 'threads'
      | 'warmupS'
      | 'timeoutS'
      | 'lengthVaries'
      | 'windowBytes'
      | 'transport'
    >
  >
> = {
  protocol: 'h1',
  connections: 64,
  durationS: 10,
  pipeline: 1,
  method: 'GET',
  threads: 1,
  warmupS: 0,
  timeoutS: 10,
  lengthVaries: false,
  windowBytes: 2 ** 30 - 1,
  transport: 'netpoll',
}

/** The most that a run may ask for. */
export const loadLimits: Readonly<{
  connections: number
  durationS: { min: number; max: number }
  rateQps: number
  pipeline: number
  threads: number
  warmupS: number
  timeoutS: { min: number; max: number }
  bodyBytes: number
  windowBytes: { min: number; max: number }
  /** Different requests that take turns. */
  range: number
  /** A connection's requests are kept until they are sent: so much of them together. */
  pipelineBytes: number
}> = {
  connections: 10_000,
  durationS: { min: 0.1, max: 3600 },
  rateQps: 10_000_000,
  pipeline: 1024,
  threads: 64,
  warmupS: 600,
  timeoutS: { min: 0.05, max: 600 },
  bodyBytes: 1024 * 1024,
  windowBytes: { min: protocolDefaults.initialWindowBytes, max: windowBytesMax },
  range: rangeMax,
  pipelineBytes: requestsBytesMax,
}

/** Options checked and completed; plain data, so that it reaches threads and processes. */
export interface LoadPlan {
  url: string
  host: string
  port: number
  connections: number
  durationS: number
  rateQps: number | null
  pipeline: number
  message: Message
  threads: number
  warmupS: number
  timeoutS: number
  lengthVaries: boolean
  transport: string
  /** Undefined in cleartext. */
  tls: TlsTarget | undefined
}

/**
 * Checks every option before anything is opened.
 *
 * @throws QpsError QPS_OPTION with the option, the offending value and what is allowed.
 */
export function planLoad(options: LoadOptions): LoadPlan {
  const limits = loadLimits
  const asked = withoutUndefined(options)
  const url = checkUrl(options.url, asked.protocol)
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const given = {
    ...loadDefaults,
    ...(isSecure && { transport: usualSecureTransport(asked.protocol) }),
    ...(asked.protocol === 'grpc' && { method: 'POST' }),
    ...asked,
  }
  const message = messageOf(url, given)
  const plan: LoadPlan = {
    url: options.url,
    host,
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    connections: checkInteger('connections', given.connections, { min: 1, max: limits.connections }),
    durationS: checkNumber('durationS', given.durationS, limits.durationS),
    rateQps:
      given.rateQps === undefined ? null : checkNumber('rateQps', given.rateQps, { min: 1, max: limits.rateQps }),
    pipeline: checkInteger('pipeline', given.pipeline, { min: 1, max: limits.pipeline }),
    message,
    threads: checkInteger('threads', given.threads, { min: 1, max: limits.threads }),
    warmupS: checkNumber('warmupS', given.warmupS, { min: 0, max: limits.warmupS }),
    timeoutS: checkNumber('timeoutS', given.timeoutS, limits.timeoutS),
    lengthVaries: given.lengthVaries || messageCount(message) > 1,
    transport: given.transport,
    tls: isSecure ? tlsTarget(host, alpnOf[given.protocol], given.ca, given.insecure) : undefined,
  }
  checkTransport(plan, given)
  if (plan.threads > plan.connections) {
    throw new QpsError('QPS_OPTION', `threads must be at most connections (${plan.connections}), not ${plan.threads}`, {
      hint: 'every thread needs a connection of its own: lower threads or raise connections',
    })
  }
  const bytes = messageBytes(message) / messageCount(message)
  if (bytes * plan.pipeline > limits.pipelineBytes) {
    throw new QpsError('QPS_OPTION', `pipeline ${plan.pipeline} of requests of ${bytes} bytes is over 64 MiB`, {
      hint: 'lower pipeline or shorten the body',
    })
  }
  return plan
}

/** What is sent, by protocol. */
function messageOf(url: URL, given: LoadOptions & typeof loadDefaults): Message {
  const protocol = checkProtocol(given.protocol)
  const { headers = {}, method } = given
  if (protocol !== 'h1' && hasRange(url)) {
    throw new QpsError('QPS_OPTION', `url must have no range with ${protocol}: only h1 takes turns`, {
      hint: 'use h1, or one path',
    })
  }
  if (protocol === 'grpc') return { protocol, ...grpcCall(url, given) }
  if (given.grpcBytes !== undefined) {
    throw new QpsError('QPS_OPTION', 'grpcBytes makes a message of gRPC, which needs the protocol grpc', {
      hint: 'use protocol grpc, or give a body',
    })
  }
  const body = checkBody(given.body)
  if (protocol === 'h1') return http1Message(url, method, headers, body)
  const windowBytes = checkWindow(given.windowBytes)
  if (protocol === 'h3') return http3Message(url, method, headers, body, windowBytes)
  const fields = http2Fields(url, method, headers, body.length)
  return { protocol, method, fields, body, windowBytes }
}

function grpcCall(url: URL, given: LoadOptions & typeof loadDefaults): Omit<Http2Message, 'protocol'> {
  const { headers = {}, method, body, grpcBytes } = given
  if (method !== 'POST') {
    throw new QpsError('QPS_OPTION', `method must be POST with gRPC, not ${describe(method)}`, { hint: 'leave it out' })
  }
  if (body !== undefined && grpcBytes !== undefined) {
    throw new QpsError('QPS_OPTION', 'body and grpcBytes are two messages, and a unary call has one', {
      hint: 'give one of them',
    })
  }
  const message =
    body === undefined
      ? payloadMessage(checkInteger('grpcBytes', grpcBytes ?? 0, { min: 0, max: loadLimits.bodyBytes }))
      : checkBody(body)
  const windowBytes = checkWindow(given.windowBytes)
  return { method, fields: grpcFields(url, headers), body: grpcBody(message), windowBytes }
}

function checkWindow(windowBytes: unknown): number {
  return checkInteger('windowBytes', windowBytes, loadLimits.windowBytes)
}

function checkProtocol(protocol: unknown): Protocol {
  const known = protocols.find((known) => known === protocol)
  if (known !== undefined) return known
  throw new QpsError('QPS_OPTION', `protocol must be one of ${protocols.join(', ')}, not ${describe(protocol)}`)
}

function checkBody(body: unknown): Uint8Array {
  const bytes = body === undefined ? new Uint8Array(0) : typeof body === 'string' ? Buffer.from(body) : body
  if (!(bytes instanceof Uint8Array)) {
    throw new QpsError('QPS_OPTION', `body must be a string or bytes, not ${describe(body)}`)
  }
  if (bytes.length > loadLimits.bodyBytes) {
    throw new QpsError('QPS_OPTION', `body must be at most ${loadLimits.bodyBytes} bytes, not ${bytes.length}`)
  }
  return bytes
}

/** An option given as undefined is an option not given: callers pass parsed arguments through. */
function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
}
