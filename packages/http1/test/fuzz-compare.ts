import { isDeepStrictEqual } from 'node:util'
import { isValidHost } from '@qps/http-contract'
import type { HeadFailure, RequestLimits } from '../src/request-parser.ts'
import { type NodeRequest, readByNode } from './fuzz-node-reading.ts'
import { readRequests, type RequestRead } from './request-reading.ts'

/** Small enough for mutations to reach them. */
export const fuzzLimits: RequestLimits = { headerBytesMax: 1024, headerFieldsMax: 12, bodyBytesMax: 4096 }

/** What a rule of the table below looks at: the request as Node read it, and its bytes and all that follow. */
interface Seen {
  request: NodeRequest
  text: string
}

const valuesOf = ({ request }: Seen, name: string): string[] =>
  request.fields.filter(([of]) => of.toLowerCase() === name).map(([, value]) => value)
const isForbiddenTrailer = ([name]: [string, string]): boolean =>
  /^(?:transfer-encoding|content-length|host|connection)$/i.test(name)
const chunkSizes = ({ text }: Seen): number[] =>
  [...text.matchAll(/\n([0-9a-f]+)[;\r]/gi)].map(([, digits]) => Number.parseInt(digits!, 16))
const chunkExtensions = ({ text }: Seen): string[] => [...text.matchAll(/\n[0-9a-f]+(;[^\r]*)/gi)].map((of) => of[1]!)

/**
 * Where this parser says no and Node's says yes, on purpose: every such difference must be explained by one row.
 * The other way round there is no row: what Node refuses is refused.
 */
export const stricter: readonly { why: string; failure: HeadFailure; applies(seen: Seen): boolean }[] = [
  {
    why: 'the front filter: Host exactly once in 1.1, at most once in 1.0, and a host',
    failure: 'host',
    applies: (seen) => {
      const hosts = valuesOf(seen, 'host')
      return hosts.length > 1 || !hosts.every(isValidHost) || (hosts.length === 0 && seen.request.versionMinor === 1)
    },
  },
  {
    why: 'the front filter: chunked and nothing else, once, in 1.1; lists of codings are what smuggling is made of',
    failure: 'transfer-encoding',
    applies: (seen) => {
      const codings = valuesOf(seen, 'transfer-encoding')
      const isPlain = codings.length === 1 && codings[0]!.toLowerCase() === 'chunked'
      return codings.length > 0 && (!isPlain || seen.request.versionMinor === 0)
    },
  },
  {
    why: 'an expectation that cannot be met is refused (RFC 9110 section 10.1.1); Node leaves that to a handler',
    failure: 'expectation',
    applies: (seen) => valuesOf(seen, 'expect').some((value) => value.toLowerCase() !== '100-continue'),
  },
  { why: 'this is no proxy', failure: 'connect', applies: ({ request }) => request.method === 'CONNECT' },
  {
    why: 'the limit for bodies, which Node does not have',
    failure: 'body',
    applies: (seen) =>
      Number(valuesOf(seen, 'content-length')[0]) > fuzzLimits.bodyBytesMax ||
      chunkSizes(seen).reduce((sum, size) => sum + size, 0) > fuzzLimits.bodyBytesMax,
  },
  {
    why: 'the limit for fields, which Node applies by ignoring those beyond',
    failure: 'header-fields',
    // Node hands trailers out when all are there, and their number is refused before.
    applies: ({ request, text }) =>
      request.fields.length + request.trailers.length > fuzzLimits.headerFieldsMax ||
      [...text.matchAll(/\n[^\r\n:]+:/g)].length >= fuzzLimits.headerFieldsMax,
  },
  {
    why: 'all bytes of the head count, of extensions and trailers too; Node counts target, names and values only',
    failure: 'header-bytes',
    applies: ({ text }) => text.length > fuzzLimits.headerBytesMax,
  },
  {
    why: 'HTTP/1.0 and HTTP/1.1 only; Node takes 0.9 and 2.0 as well',
    failure: 'malformed',
    applies: ({ request }) => request.versionMajor !== 1 || request.versionMinor > 1,
  },
  {
    why: 'one blank between the parts of the request line (RFC 9112 section 3)',
    failure: 'malformed',
    applies: ({ text }) => / {2}/.test(/^[\r\n]*[^\r\n]*/.exec(text)![0]),
  },
  {
    why: 'an empty line before a request is CRLF; Node takes a bare CR or LF there',
    failure: 'malformed',
    applies: ({ text }) => !/^(?:\r\n)*[^\r\n]/.test(text),
  },
  {
    why: 'the authority of an absolute-form target is a host, without user information (RFC 9110 section 4.2.4)',
    failure: 'malformed',
    applies: ({ request }) => {
      const authority = /^[a-z]+:\/\/([^/?]*)/i.exec(request.target)
      return authority !== null && !isValidHost(authority[1]!)
    },
  },
  {
    why: 'Content-Length is a number that JavaScript holds exactly',
    failure: 'malformed',
    applies: (seen) => Number(valuesOf(seen, 'content-length')[0]) > Number.MAX_SAFE_INTEGER,
  },
  {
    why: 'a trailer must not say where the message ends, whom it is for or what follows (RFC 9110 section 6.5.1)',
    failure: 'malformed',
    applies: ({ request }) => request.trailers.some(isForbiddenTrailer),
  },
  {
    why: 'a chunk size has at most 16 digits; Node takes any number of leading zeros',
    failure: 'malformed',
    applies: ({ text }) => /\n[0-9a-f]{17}/i.test(text),
  },
  {
    why: 'a chunk extension has a name and, behind "=", a token or one quoted string (RFC 9112 section 7.1.1)',
    failure: 'malformed',
    applies: (seen) => chunkExtensions(seen).some((text) => /;[=;]|[;=]$|=;|[^=]"[^;]/.test(text)),
  },
]

/**
 * Reads the input whole, in pieces and with Node's parser.
 *
 * @returns what is different without a reason, or undefined; `explained` counts the rows of {@link stricter} that were needed.
 */
export function difference(
  input: Uint8Array,
  cuts: readonly number[],
  explained?: Map<string, number>,
): string | undefined {
  const whole = readRequests(input, [], fuzzLimits)
  if (!isDeepStrictEqual(whole, readRequests(input, cuts, fuzzLimits)))
    return `it matters that it is cut at ${cuts.join()}`
  const node = readByNode(input, fuzzLimits.headerBytesMax)
  for (const [index, request] of whole.requests.entries()) {
    const other = node.requests[index]
    if (other === undefined || !other.complete) {
      if (node.paused) return undefined
      return `request ${index} was taken, but Node says ${node.failure ?? 'nothing'}`
    }
    const wrong = unlike(request, other)
    if (wrong !== undefined) return `request ${index}: ${wrong}`
    if (!request.keepAlive) return undefined
  }
  const next = node.requests[whole.requests.length]
  const isTaken = next !== undefined && (next.complete || node.failure === undefined)
  if (whole.failure === undefined) {
    return next?.complete ? `Node takes request ${whole.requests.length}, which is not seen as complete` : undefined
  }
  if (!isTaken) return undefined
  const seen = { request: next, text: Buffer.from(input.subarray(whole.starts.at(-1))).toString('latin1') }
  const row = stricter.find(({ failure, applies }) => failure === whole.failure && applies(seen))
  if (row === undefined) return `request ${whole.requests.length} is refused as ${whole.failure}, but Node takes it`
  explained?.set(row.why, (explained.get(row.why) ?? 0) + 1)
  return undefined
}

function unlike(request: RequestRead, other: NodeRequest): string | undefined {
  const view = ({ method, target, versionMinor, fields, body, trailers }: RequestRead | NodeRequest): unknown => ({
    method,
    target,
    versionMinor,
    fields,
    body,
    trailers,
  })
  if (!isDeepStrictEqual(view(request), view(other))) {
    return `${JSON.stringify(view(request))} is ${JSON.stringify(view(other))} to Node`
  }
  // HTTP/1.0 with both options: Node stays, this parser does what the more careful one says.
  const isTorn = request.versionMinor === 0 && other.keepAlive
  return request.keepAlive === other.keepAlive || isTorn ? undefined : `keepAlive is ${other.keepAlive} to Node`
}
