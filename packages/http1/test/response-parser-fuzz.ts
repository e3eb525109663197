import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import type { ResponseFailure } from '@qps/http1'
import { readResponses, responseLimits, type ResponseRead } from './response-parser-reading.ts'

/** A response as Node's parser sees it. */
interface NodeResponse extends ResponseRead {
  versionMajor: number
  complete: boolean
}

interface NodeParser {
  [callback: number]: (...values: never[]) => number | void
  initialize(type: number, resource: object, headerBytesMax: number, lenience: number): void
  execute(bytes: Uint8Array): number | (Error & { code: string })
  finish(): undefined | Error
  close(): void
}

const { HTTPParser } = createRequire(import.meta.url)('_http_common') as {
  HTTPParser: (new () => NodeParser) & Record<string, number>
}

/** Reads a server's bytes with llhttp, as strictly as `node:http` does, and then the server's end. */
function readByNode(input: Uint8Array): { responses: NodeResponse[]; failed: boolean; paused: boolean } {
  const responses: NodeResponse[] = []
  const parser = new HTTPParser()
  let early: string[] = []
  let earlyReason = ''
  let current: NodeResponse | undefined
  let paused = false
  parser.initialize(HTTPParser['RESPONSE']!, {}, responseLimits.headerBytesMax, 0)
  parser[HTTPParser['kOnHeaders']!] = (pairs: string[], reason: string) => {
    if (current !== undefined) return void (current.trailers = [...current.trailers, ...paired(pairs)])
    early.push(...pairs)
    earlyReason += reason
  }
  parser[HTTPParser['kOnHeadersComplete']!] = (
    versionMajor: number,
    versionMinor: number,
    pairs: string[] | undefined,
    _method: undefined,
    _target: undefined,
    status: number,
    reason: string | undefined,
    upgrade: boolean,
    keepAlive: boolean,
  ) => {
    const fields = paired([...early, ...(pairs ?? [])])
    const head = { status, reason: reason ?? earlyReason, versionMajor, versionMinor, fields, keepAlive }
    current = { ...head, body: '', trailers: [], complete: false }
    responses.push(current)
    if (upgrade) paused = true
    early = []
    earlyReason = ''
    return 0
  }
  parser[HTTPParser['kOnBody']!] = (bytes: Buffer) => void (current!.body += bytes.toString('latin1'))
  parser[HTTPParser['kOnMessageComplete']!] = () => {
    current!.complete = true
    current = undefined
  }
  const outcome = parser.execute(input)
  const failed = typeof outcome !== 'number'
  if (!failed) parser.finish()
  parser.close()
  return { responses, failed, paused }
}

const paired = (flat: readonly string[]): [string, string][] =>
  Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!])

interface Seen {
  response: NodeResponse
  text: string
}
const valuesOf = ({ response }: Seen, name: string): string[] =>
  response.fields.filter(([of]) => of.toLowerCase() === name).map(([, value]) => value)

/**
 * Where this parser says no and Node's says yes, on purpose: every such difference must be explained by one row. The other
 * way round there is no row: what Node refuses is refused.
 */
export const stricter: readonly { why: string; failure: ResponseFailure; applies(seen: Seen): boolean }[] = [
  {
    why: 'chunked and nothing else, once, in 1.1',
    failure: 'malformed',
    applies: (seen) => {
      const codings = valuesOf(seen, 'transfer-encoding')
      const isPlain = codings.length === 1 && codings[0]!.toLowerCase() === 'chunked'
      return codings.length > 0 && (!isPlain || seen.response.versionMinor === 0 || seen.response.status < 200)
    },
  },
  {
    why: 'a tab behind the coding makes it another one to Node, which then reads until the close',
    failure: 'malformed',
    applies: ({ text }) => /transfer-encoding:[^\r\n]*\t *\r\n/i.test(text),
  },
  {
    why: 'a length and a coding exclude each other; Node looks at neither where no content follows',
    failure: 'malformed',
    applies: (seen) =>
      valuesOf(seen, 'content-length').length > 0 &&
      (valuesOf(seen, 'transfer-encoding').length > 0 || seen.response.status < 200),
  },
  {
    why: 'Content-Length is a number that JavaScript holds exactly',
    failure: 'malformed',
    applies: (seen) => Number(valuesOf(seen, 'content-length')[0]) > Number.MAX_SAFE_INTEGER,
  },
  { why: 'nobody asked for another protocol', failure: 'upgrade', applies: ({ response }) => response.status === 101 },
  {
    why: 'HTTP/1.0 and HTTP/1.1 only',
    failure: 'malformed',
    applies: ({ response }) => response.versionMajor !== 1 || response.versionMinor > 1,
  },
  {
    why: 'a status has three digits, the first of them not 0',
    failure: 'malformed',
    applies: ({ response }) => response.status < 100 || response.status > 999,
  },
  {
    why: 'nothing stands before a status line',
    failure: 'malformed',
    applies: ({ text }) => !text.startsWith('HTTP/'),
  },
  {
    why: 'a reason has no control characters (RFC 9112 section 4)',
    failure: 'malformed',
    // eslint-disable-next-line no-control-regex
    applies: ({ text }) => /^HTTP\/1\.\d \d{3} [^\r\n]*[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text),
  },
  {
    why: 'the limit for bodies',
    failure: 'body',
    applies: (seen) =>
      seen.response.body.length > responseLimits.bodyBytesMax ||
      Number(valuesOf(seen, 'content-length')[0]) > responseLimits.bodyBytesMax ||
      [...seen.text.matchAll(/\n([0-9a-f]+)[;\r]/gi)].reduce((sum, [, size]) => sum + Number.parseInt(size!, 16), 0) >
        responseLimits.bodyBytesMax,
  },
  {
    why: 'the limit for fields',
    failure: 'header-fields',
    applies: ({ text }) => [...text.matchAll(/\n[^\r\n:]+:/g)].length >= responseLimits.headerFieldsMax,
  },
  {
    why: 'all bytes of the head count, of extensions and trailers too',
    failure: 'header-bytes',
    applies: ({ text }) => text.length > responseLimits.headerBytesMax,
  },
  {
    why: 'a trailer must not say where the message ends or what follows (RFC 9110 section 6.5.1)',
    failure: 'malformed',
    applies: ({ response }) =>
      response.trailers.some(([name]) => /^(?:transfer-encoding|content-length|host|connection)$/i.test(name)),
  },
  {
    why: 'a chunk size has at most 16 digits',
    failure: 'malformed',
    applies: ({ text }) => /\n[0-9a-f]{17}/i.test(text),
  },
  {
    why: 'a chunk extension has a name and, behind "=", a token or one quoted string (RFC 9112 section 7.1.1)',
    failure: 'malformed',
    applies: ({ text }) =>
      [...text.matchAll(/\n[0-9a-f]+(;[^\r]*)/gi)].some(([, of]) => /;[=;]|[;=]$|=;|[^=]"[^;]/.test(of!)),
  },
]

/** Reads the input whole, in pieces and with Node's parser. @returns what is different without a reason, or undefined. */
export function difference(
  input: Uint8Array,
  cuts: readonly number[],
  explained?: Map<string, number>,
): string | undefined {
  const whole = readResponses(input)
  if (!isDeepStrictEqual(whole, readResponses(input, cuts))) return `it matters that it is cut at ${cuts.join()}`
  const node = readByNode(input)
  for (const [index, response] of whole.responses.entries()) {
    const other = node.responses[index]
    if (other === undefined || !other.complete) {
      if (node.paused) return undefined
      return `response ${index} was taken, but Node says ${node.failed ? 'that it is bad' : 'nothing'}`
    }
    const { versionMajor: _versionMajor, complete: _complete, keepAlive, ...view } = other
    const { keepAlive: ours, ...seen } = response
    if (!isDeepStrictEqual(seen, view)) return `${JSON.stringify(seen)} is ${JSON.stringify(view)} to Node`
    if (ours && !keepAlive) return `response ${index}: the connection stays, but not to Node`
    // The more careful one closes, and then the two go different ways.
    if (!ours) return undefined
  }
  const next = node.responses[whole.responses.length]
  const isTaken = next !== undefined && (next.complete || !node.failed)
  if (whole.failure === undefined)
    return next?.complete ? 'Node takes a response that is not seen as complete' : undefined
  if (!isTaken) return undefined
  const seen = { response: next, text: Buffer.from(input.subarray(whole.start)).toString('latin1') }
  const row = stricter.find(({ failure, applies }) => failure === whole.failure && applies(seen))
  if (row === undefined) return `response ${whole.responses.length} is refused as ${whole.failure}, but Node takes it`
  explained?.set(row.why, (explained.get(row.why) ?? 0) + 1)
  return undefined
}
