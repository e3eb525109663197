import { QpsError } from '@qps/core'
import { methods, routePath } from '@qps/http-contract'
import type { RequestParser } from '../request-parser.ts'
import type { HttpConnection } from './connection.ts'
import type { RequestBody } from './body.ts'
import { latin1, PathNames } from './path-names.ts'

/**
 * One request. Until its handler returns, its head lies where it was received, and nothing is decoded that is not asked
 * for. A handler that has not ended the response by then gets the head copied for it, so a request can be used for as
 * long as its response is not ended; after that it throws QPS_REQUEST_OVER.
 */
export class Request {
  /** The route's pattern, where a router has matched one. */
  route = 'unmatched'
  /** What the pattern's names stand for. Without a prototype. */
  params: Readonly<Record<string, string>> = noParams
  /** When its head was complete, in `performance.now()` ms. 0 where nobody observes. */
  startedMs = 0
  /** The method as a number: an index into `methods` of @qps/http-contract. */
  methodIndex: number
  /** Of HTTP/1.x: 0 or 1. */
  versionMinor: number
  /** What it came on. For adapters. */
  connection: HttpConnection
  #parser: RequestParser
  #bytes: Uint8Array | undefined
  #start: number
  #target: string | undefined
  #path: string | undefined
  #headers: Record<string, string> | undefined
  #body: RequestBody | undefined

  constructor(connection: HttpConnection, parser: RequestParser, bytes: Uint8Array, start: number) {
    this.methodIndex = parser.method
    this.versionMinor = parser.versionMinor
    this.connection = connection
    this.#parser = parser
    this.#bytes = bytes
    this.#start = start
  }

  /** Stands for another request from now on. For the server, which knows that nobody holds it any more. */
  renew(connection: HttpConnection, parser: RequestParser, bytes: Uint8Array, start: number): this {
    this.route = 'unmatched'
    this.params = noParams
    this.startedMs = 0
    this.methodIndex = parser.method
    this.versionMinor = parser.versionMinor
    this.connection = connection
    this.#parser = parser
    this.#bytes = bytes
    this.#start = start
    this.#target = this.#path = undefined
    this.#headers = undefined
    this.#body = undefined
    return this
  }

  /** `GET`, `POST`…: one of the methods that Node knows. */
  get method(): string {
    return methods[this.methodIndex]!
  }

  /** The target as it was sent: path and query, undecoded. */
  get url(): string {
    if (this.#target === undefined) {
      const { targetStart, targetEnd } = this.#parser
      this.#target = latin1(this.#head(), this.#start + targetStart, this.#start + targetEnd)
    }
    return this.#target
  }

  /** The path, undecoded, without the query; of an absolute target without scheme and host. */
  get path(): string {
    if (this.#path === undefined) {
      const bytes = this.#head()
      const { targetStart, pathEnd } = this.#parser
      const start = this.#start + targetStart
      this.#path = bytes[start] === 47 /* / */ ? pathNames.of(bytes, start, this.#start + pathEnd) : routePath(this.url)
    }
    return this.#path
  }

  /** The memory in which {@link pathStart} and {@link pathEnd} point: lent, and gone with the answer. Ask for it anew after an `await`. */
  get pathBytes(): Uint8Array {
    return this.#head()
  }

  /** Where the path begins in {@link pathBytes}: `path` as bytes, for whoever needs no string. -1 for an absolute target. */
  get pathStart(): number {
    const start = this.#start + this.#parser.targetStart
    return this.#head()[start] === 47 /* / */ ? start : -1
  }

  /** Behind the path, where the query or the target ends. */
  get pathEnd(): number {
    return this.#start + this.#parser.pathEnd
  }

  /** What stands between `?` and `#`; empty where there is none. */
  get query(): string {
    const { url } = this
    const at = url.indexOf('?')
    if (at === -1) return ''
    const end = url.indexOf('#', at)
    return url.slice(at + 1, end === -1 ? undefined : end)
  }

  /** `1.1` or `1.0`. */
  get httpVersion(): string {
    return this.versionMinor === 0 ? '1.0' : '1.1'
  }

  /** The value of a field, several lines of the same name joined by `, `; undefined where there is none. */
  header(name: string): string | undefined {
    const bytes = this.#head()
    const { fields, fieldCount } = this.#parser
    let value: string | undefined
    for (let index = 0; index < fieldCount; index++) {
      const at = 4 * index
      if (!sameName(bytes, this.#start + fields[at]!, this.#start + fields[at + 1]!, name)) continue
      const line = latin1(bytes, this.#start + fields[at + 2]!, this.#start + fields[at + 3]!)
      value = value === undefined ? line : `${value}, ${line}`
    }
    return value
  }

  /** All fields by lower-case name, without a prototype. Made at first use. */
  get headers(): Readonly<Record<string, string>> {
    if (this.#headers === undefined) {
      const headers = Object.create(null) as Record<string, string>
      for (const [name, value] of this.rawHeaders()) {
        const key = name.toLowerCase()
        const before = headers[key]
        headers[key] = before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`
      }
      this.#headers = headers
    }
    return this.#headers
  }

  /** The fields as they were sent, in order. */
  rawHeaders(): [name: string, value: string][] {
    const bytes = this.#head()
    const { fields, fieldCount } = this.#parser
    const lines: [string, string][] = []
    for (let at = 0; at < 4 * fieldCount; at += 4) {
      lines.push([
        latin1(bytes, this.#start + fields[at]!, this.#start + fields[at + 1]!),
        latin1(bytes, this.#start + fields[at + 2]!, this.#start + fields[at + 3]!),
      ])
    }
    return lines
  }

  /** The body: bytes that arrive. Reading it is what lets the client go on. */
  get body(): RequestBody {
    this.#head()
    this.#body ??= this.connection.openBody()
    return this.#body
  }

  /** The whole body, in memory of its own. @throws QpsError QPS_BODY where it does not arrive in full. */
  bytes(): Promise<Uint8Array> {
    return this.body.bytes()
  }

  /** The whole body as UTF-8. @throws QpsError QPS_BODY. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  /** The whole body as JSON. @throws SyntaxError where it is none; QpsError QPS_BODY. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /** The client's address; empty over a unix socket. */
  get remoteAddress(): string {
    return this.connection.remoteAddress
  }

  /**
   * The whole head as text, for adapters: `parser` says where its parts lie in it, as long as the handler has not returned.
   */
  headText(): { text: string; parser: RequestParser } {
    const bytes = this.#head()
    return { text: latin1(bytes, this.#start, this.#start + this.#parser.headEnd), parser: this.#parser }
  }

  /** The handler goes on after its return: keeps the head. For the server. */
  keep(): void {
    if (this.#bytes === undefined) return
    const { headEnd } = this.#parser
    this.#bytes = this.#bytes.slice(this.#start, this.#start + headEnd)
    this.#start = 0
  }

  /** The response is over. For the server. */
  release(): void {
    this.#bytes = undefined
  }

  #head(): Uint8Array {
    if (this.#bytes === undefined) {
      throw new QpsError('QPS_REQUEST_OVER', 'the request was used after its response had ended', {
        hint: 'read what you need from it before you end the response',
      })
    }
    return this.#bytes
  }
}

const noParams: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>)

function sameName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false
  for (let index = 0; index < name.length; index++) {
    let unit = name.charCodeAt(index)
    let byte = bytes[start + index]!
    if (unit >= 65 && unit <= 90) unit |= 32
    if (byte >= 65 && byte <= 90) byte |= 32
    if (unit !== byte) return false
  }
  return true
}

const pathNames = new PathNames()
