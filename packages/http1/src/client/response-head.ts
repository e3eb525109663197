import type { ResponseParser } from './response-parser.ts'

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.prototype.latin1Slice.call(bytes, start, end)

/** By lower-case name; it inherits nothing. */
export type ResponseHeaders = Readonly<Record<string, string | string[]>>

/**
 * The head of a response, where it was received: nothing is decoded that is not asked for. Only for the length of the
 * `onHead` call; what must stay is what was read from it.
 */
export class ResponseHead {
  readonly #parser: ResponseParser
  #bytes: Uint8Array
  #start = 0
  /** Names by place, in lower case, of the last head whose fields were all read. */
  readonly #names: string[] = []

  constructor(parser: ResponseParser) {
    this.#parser = parser
    this.#bytes = nothing
  }

  get status(): number {
    return this.#parser.status
  }
  /** `1.1` or `1.0`. */
  get httpVersion(): string {
    return this.#parser.versionMinor === 0 ? '1.0' : '1.1'
  }
  /** The reason phrase; often empty. */
  get reason(): string {
    return latin1(this.#bytes, this.#start + this.#parser.reasonStart, this.#start + this.#parser.reasonEnd)
  }
  /** The value of Content-Length, or -1. */
  get contentLength(): number {
    return this.#parser.contentLength
  }

  /** The value of a field, by its lower-case name; several lines of it joined by `, `; undefined where there is none. */
  header(name: string): string | undefined {
    const bytes = this.#bytes
    const start = this.#start
    const { fields, fieldCount } = this.#parser
    let value: string | undefined
    for (let at = 0; at < 4 * fieldCount; at += 4) {
      if (!isNamed(bytes, start + fields[at]!, start + fields[at + 1]!, name)) continue
      const line = latin1(bytes, start + fields[at + 2]!, start + fields[at + 3]!)
      value = value === undefined ? line : `${value}, ${line}`
    }
    return value
  }

  /** All fields by lower-case name, inheriting nothing; several of one name joined by `, `, those of Set-Cookie in an array. */
  headers(): ResponseHeaders {
    const { fields, fieldCount } = this.#parser
    const headers = new NoFields() as Record<string, string | string[]>
    for (let index = 0; index < fieldCount; index++) {
      const name = this.#nameAt(index, this.#start + fields[4 * index]!, this.#start + fields[4 * index + 1]!)
      const value = this.#text(4 * index + 2)
      const before = headers[name]
      if (name === 'set-cookie') headers[name] = Array.isArray(before) ? [...before, value] : [value]
      else headers[name] = before === undefined ? value : `${String(before)}, ${value}`
    }
    return headers
  }

  /** The fields as they came, in order. */
  rawHeaders(): [name: string, value: string][] {
    const length = this.#parser.fieldCount
    return Array.from({ length }, (_, index) => [this.#text(4 * index), this.#text(4 * index + 2)])
  }

  /** For the connection: where the head lies now. */
  point(bytes: Uint8Array, start: number): void {
    this.#bytes = bytes
    this.#start = start
  }

  #text(at: number): string {
    const { fields } = this.#parser
    return latin1(this.#bytes, this.#start + fields[at]!, this.#start + fields[at + 1]!)
  }

  /** In lower case. Mostly it is the name that stood in this place of the answer before: compared, not decoded. */
  #nameAt(index: number, start: number, end: number): string {
    const before = this.#names[index]
    if (before !== undefined && isNamed(this.#bytes, start, end, before)) return before
    const name = latin1(this.#bytes, start, end).toLowerCase()
    this.#names[index] = name
    return name
  }
}

const nothing = new Uint8Array(0)

/** `Object.create(null)` makes a hash table; of a constructor whose prototype is empty, V8 makes objects with a shape. */
const NoFields = function NoFields() {} as unknown as new () => object
NoFields.prototype = Object.freeze(Object.create(null) as object)

function isNamed(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false
  for (let index = 0; index < lower.length; index++) {
    const byte = bytes[start + index]!
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lower.charCodeAt(index)) return false
  }
  return true
}
