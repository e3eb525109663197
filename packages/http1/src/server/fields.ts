import { decimalBytes, writeDecimal } from '@qps/bytes'
import { QpsError } from '@qps/core'
import { dateClock } from './date.ts'
import { reasonOf } from './reasons.ts'

/** What a header field carries: one value, or several lines of the same name. */
export type FieldValue = string | number | readonly string[]
/** Header fields as a handler writes them. */
export type FieldValues = Readonly<Record<string, FieldValue>>

/** A token (RFC 9110 section 5.6.2). */
const nameAllowed = /^[\w!#$%&'*+.^`|~-]+$/
/** What Node allows in a value: tab, visible characters, obs-text. Above U+00FF nothing fits into a byte. */
const valueAllowed = /^[\t\x20-\x7e\x80-\xff]*$/

/** The server writes these itself, or they would contradict what it does. */
const ours = new Set(['content-length', 'transfer-encoding', 'connection', 'date', 'keep-alive'])

/**
 * @throws QpsError QPS_HEADER for a name that is no token, or a value with a character that would end the line or does not
 * fit into a byte: what a header injection needs (row S25).
 */
export function checkField(name: string, value: string): void {
  if (!nameAllowed.test(name)) {
    throw new QpsError('QPS_HEADER', `${JSON.stringify(name)} is no name of a header field`, {
      hint: "a name has letters, digits and !#$%&'*+-.^_`|~",
    })
  }
  if (!valueAllowed.test(value)) {
    throw new QpsError('QPS_HEADER', `the value of ${name} has a character that a header field cannot carry`, {
      hint: 'encode it, with encodeURIComponent for instance',
    })
  }
}

/** What says how a message is to be read cannot stand behind it, and neither can whom it is for. */
const notBehind = new Set(['content-length', 'transfer-encoding', 'connection', 'host', 'trailer'])

/** @throws QpsError QPS_HEADER. */
export function trailerLine(name: string, value: string): string {
  if (notBehind.has(name.toLowerCase())) {
    throw new QpsError('QPS_HEADER', `${name} cannot be a trailer: it would come too late`, {
      hint: 'set it with setHeader, before the first write',
    })
  }
  return fieldLine(name, value)
}

/** @throws QpsError QPS_STATUS for what is no status of a final answer: a whole number from 200 to 599. */
export function checkStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status
  throw new QpsError('QPS_STATUS', `a status is a whole number from 200 to 599, not ${String(status)}`, {
    hint: "informational answers (1xx) are the server's own; 200 is the default",
  })
}

/** The lines of the fields, checked, each with its CRLF. */
export function fieldLines(fields: FieldValues): string {
  let lines = ''
  for (const name of Object.keys(fields)) lines += linesOf(name, fields[name]!)
  return lines
}

/** Those of one name. */
export function linesOf(name: string, value: FieldValue): string {
  if (typeof value !== 'object') return fieldLine(name, String(value))
  let lines = ''
  for (const each of value) lines += fieldLine(name, each)
  return lines
}

export function fieldLine(name: string, value: string): string {
  checkField(name, value)
  return `${name}: ${value}\r\n`
}

/** Digits of the longest Content-Length that is written: 2^53 has sixteen. */
const lengthDigitsMax = 16

/** A head whose Content-Length has a certain number of digits: only the digits change from answer to answer. */
interface Head {
  readonly bytes: Uint8Array
  readonly status: number
  /** `dateClock.version` when it was made. */
  readonly version: number
  /** Where the digits begin. */
  readonly digitsAt: number
  length: number
}

/**
 * Header fields that were checked and encoded once, for answers that always carry the same ones. Give them to `writeHead`
 * in the place of an object.
 *
 * Together with status line, Content-Length and Date they are one piece of memory, made again when the second changes, and
 * an answer begins by copying it. Answers of different lengths share it: their digits are written into it.
 *
 * @example
 * const json = new PreparedFields({ 'content-type': 'application/json' })
 * serve({ port: 8080 }, (request, response) => response.writeHead(200, json).end('{}'))
 */
export class PreparedFields {
  readonly lines: string
  /** By the number of digits of Content-Length. */
  readonly #heads: (Head | undefined)[] = Array.from({ length: lengthDigitsMax + 1 })
  #body = ''
  #answer: Uint8Array | undefined
  #answerVersion = -1
  #answerStatus = 0
  #answerEnd: Uint8Array | undefined

  /**
   * @param fields not Content-Length, Transfer-Encoding, Connection, Date or Keep-Alive, which the server writes.
   * @throws QpsError QPS_HEADER.
   */
  constructor(fields: FieldValues) {
    for (const name of Object.keys(fields)) {
      if (ours.has(name.toLowerCase())) {
        throw new QpsError('QPS_HEADER', `${name} is written by the server and cannot be prepared`, {
          hint: 'leave it out',
        })
      }
    }
    this.lines = fieldLines(fields)
  }

  /**
   * Status line, the fields, Content-Length and Date, without the end of its line.
   *
   * @param length of the content, 0 or more.
   * @returns memory that the next call writes again: copy it at once.
   * @throws QpsError QPS_STATUS.
   */
  head(status: number, length: number): Uint8Array {
    const digits = decimalBytes(length)
    let head = this.#heads[digits]
    if (head === undefined || head.status !== status || head.version !== dateClock.version) {
      head = this.#heads[digits] = this.#encode(status, length)
    } else if (head.length !== length) {
      head.length = length
      writeDecimal(head.bytes, head.digitsAt, length)
    }
    return head.bytes
  }

  /**
   * The whole answer, head and body, where the one before had the same body: a busy server says the same again and again,
   * and then copies instead of encoding.
   *
   * @param end what stands between Date and the body.
   * @returns undefined for another body than the last time.
   * @throws QpsError QPS_STATUS.
   */
  again(status: number, body: string, end: Uint8Array): Uint8Array | undefined {
    if (body !== this.#body) {
      this.#body = body
      this.#answerVersion = -1
      return undefined
    }
    if (this.#answerVersion !== dateClock.version || this.#answerStatus !== status || this.#answerEnd !== end) {
      const bytes = Buffer.from(body)
      this.#answer = Uint8Array.from(Buffer.concat([this.head(status, bytes.length), end, bytes]))
      this.#answerVersion = dateClock.version
      this.#answerStatus = status
      this.#answerEnd = end
    }
    return this.#answer
  }

  #encode(status: number, length: number): Head {
    const before = `HTTP/1.1 ${checkStatus(status)} ${reasonOf(status)}\r\n${this.lines}content-length: `
    const bytes = Uint8Array.from(Buffer.from(`${before}${length}\r\nDate: ${dateClock.value}`, 'latin1'))
    return { bytes, status, version: dateClock.version, digitsAt: before.length, length }
  }
}
