import { httpLimits, methods } from '@qps/http-contract'
import { headComplete, headFailed, type HeadFailure, type RequestLimits, RequestParser } from '../src/request-parser.ts'

/** A request as a test compares it: everything that the parser says, decoded. */
export interface RequestRead {
  method: string
  target: string
  path: string
  versionMinor: number
  fields: [name: string, value: string][]
  contentLength: number
  chunked: boolean
  keepAlive: boolean
  expectsContinue: boolean
  host: string | undefined
  body: string
  trailers: (readonly [name: string, value: string])[]
}

export interface Reading {
  requests: RequestRead[]
  /** Why nothing more is read. */
  failure: HeadFailure | undefined
  /** Where each complete request began in the input; then where the first began that is not complete. */
  starts: number[]
  /** Did the input end inside a request? */
  incomplete: boolean
}

/** Behind the bytes that have arrived, in each array that the parser sees: must never be looked at. */
const poison = 0x00

/**
 * Reads a connection's bytes the way a server does, as if they arrived cut at these positions. A head's bytes are moved
 * to another array and another offset with every piece; a body's are seen piece by piece.
 */
export function readRequests(
  input: Uint8Array,
  cuts: readonly number[] = [],
  limits?: Partial<RequestLimits>,
): Reading {
  const parser = new RequestParser({ ...httpLimits, ...limits })
  const reading: Reading = { requests: [], failure: undefined, starts: [0], incomplete: false }
  let start = 0
  let at = 0
  let head: RequestRead | undefined
  for (const [piece, arrived] of [...cuts, input.length].entries()) {
    for (let progress = true; progress && reading.failure === undefined;) {
      progress = false
      const base = (piece * 7) % 5
      if (head === undefined) {
        const bytes = moved(input, start, arrived, base)
        const outcome = parser.parseHead(bytes, base, base + arrived - start)
        if (outcome === headFailed) reading.failure = parser.failure
        if (outcome !== headComplete) continue
        head = headOf(parser, bytes, base)
        at = start + parser.headEnd
      }
      const bytes = moved(input, at, arrived, base)
      let next = base
      const end = base + arrived - at
      for (let calls = 0; next < end && !parser.bodyComplete && parser.failure === undefined; calls++) {
        if (calls > 2 * input.length) throw new Error('the parser does not move on')
        next = parser.readBody(bytes, next, end)
        head.body += latin1(bytes, parser.pieceStart, parser.pieceEnd)
      }
      at += next - base
      reading.failure = parser.failure
      if (!parser.bodyComplete) continue
      if (head.body.length !== parser.bodyBytes) throw new Error('bodyBytes is not the length of the pieces')
      reading.requests.push({ ...head, trailers: [...parser.trailers] })
      if (!head.keepAlive) return reading
      start = at
      reading.starts.push(start)
      head = undefined
      parser.reset()
      progress = start < arrived
    }
  }
  reading.incomplete = reading.failure === undefined && (head !== undefined || start < input.length)
  return reading
}

function moved(input: Uint8Array, start: number, end: number, base: number): Uint8Array {
  const bytes = new Uint8Array(base + end - start + 3).fill(poison)
  bytes.set(input.subarray(start, end), base)
  return bytes
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

function headOf(parser: RequestParser, bytes: Uint8Array, base: number): RequestRead {
  const text = (start: number, end: number): string => latin1(bytes, base + start, base + end)
  const fields = Array.from({ length: parser.fieldCount }, (_, index): [string, string] => {
    const [nameStart, nameEnd, valueStart, valueEnd] = parser.fields.subarray(4 * index, 4 * index + 4)
    return [text(nameStart!, nameEnd!), text(valueStart!, valueEnd!)]
  })
  const method = methods[parser.method]!
  if (method !== text(parser.methodStart, parser.methodEnd)) throw new Error('method and its offsets disagree')
  return {
    method,
    target: text(parser.targetStart, parser.targetEnd),
    path: text(parser.targetStart, parser.pathEnd),
    versionMinor: parser.versionMinor,
    fields,
    contentLength: parser.contentLength,
    chunked: parser.chunked,
    keepAlive: parser.keepAlive,
    expectsContinue: parser.expectsContinue,
    host: fields[parser.hostField]?.[1],
    body: '',
    trailers: [],
  }
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
