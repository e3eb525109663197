import { type ResponseFailure, type ResponseLimits, ResponseParser } from '@qps/http1'
import { headComplete, headFailed } from '../src/request-parser.ts'

/** A response as a test compares it: everything that the parser says, decoded. */
export interface ResponseRead {
  status: number
  reason: string
  versionMinor: number
  fields: [name: string, value: string][]
  keepAlive: boolean
  body: string
  trailers: (readonly [name: string, value: string])[]
}

export interface ResponseReading {
  responses: ResponseRead[]
  /** Why nothing more is read. */
  failure: ResponseFailure | undefined
  /** Where the last response began that is not complete. */
  start: number
  /** Did the input end inside a response? */
  incomplete: boolean
}

/** Behind the bytes that have arrived, in each array that the parser sees: must never be looked at. */
const poison = 0x00
export const responseLimits: ResponseLimits = { headerBytesMax: 1024, headerFieldsMax: 12, bodyBytesMax: 4096 }

/**
 * Reads a connection's bytes the way a client does, as if they arrived cut at these positions, and then the server ended. A
 * head's bytes are moved to another array and offset with every piece; a body's are seen piece by piece.
 */
export function readResponses(input: Uint8Array, cuts: readonly number[] = [], headOnly = false): ResponseReading {
  const parser = new ResponseParser(responseLimits)
  const reading: ResponseReading = { responses: [], failure: undefined, start: 0, incomplete: false }
  let at = 0
  let head: ResponseRead | undefined
  const settle = (): boolean => {
    reading.responses.push({ ...head!, trailers: [...parser.trailers] })
    reading.start = at
    const { keepAlive } = head!
    head = undefined
    parser.reset(headOnly)
    return keepAlive
  }
  parser.reset(headOnly)
  for (const [piece, arrived] of [...cuts, input.length].entries()) {
    for (let progress = true; progress && reading.failure === undefined;) {
      progress = false
      const base = (piece * 7) % 5
      if (head === undefined) {
        const bytes = moved(input, reading.start, arrived, base)
        const outcome = parser.parseHead(bytes, base, base + arrived - reading.start)
        if (outcome === headFailed) reading.failure = parser.failure
        if (outcome !== headComplete) continue
        head = headOf(parser, bytes, base)
        at = reading.start + parser.headEnd
      }
      const bytes = moved(input, at, arrived, base)
      const end = base + arrived - at
      let next = base
      while (next < end && !parser.bodyComplete && parser.failure === undefined) {
        next = parser.readBody(bytes, next, end)
        head.body += latin1(bytes, parser.pieceStart, parser.pieceEnd)
      }
      at += next - base
      reading.failure = parser.failure
      if (!parser.bodyComplete) continue
      if (head.body.length !== parser.bodyBytes) throw new Error('bodyBytes is not the length of the pieces')
      if (!settle()) return reading
      progress = reading.start < arrived
    }
  }
  if (reading.failure === undefined && head !== undefined && parser.finish()) settle()
  reading.incomplete = reading.failure === undefined && (head !== undefined || reading.start < input.length)
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

function headOf(parser: ResponseParser, bytes: Uint8Array, base: number): ResponseRead {
  const text = (start: number, end: number): string => latin1(bytes, base + start, base + end)
  const { fields } = parser
  return {
    status: parser.status,
    reason: text(parser.reasonStart, parser.reasonEnd),
    versionMinor: parser.versionMinor,
    fields: Array.from({ length: parser.fieldCount }, (_, index) => [
      text(fields[4 * index]!, fields[4 * index + 1]!),
      text(fields[4 * index + 2]!, fields[4 * index + 3]!),
    ]),
    keepAlive: parser.keepAlive,
    body: '',
    trailers: [],
  }
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
