import { LightStream } from './light.ts'
import { nodeError } from './node-errors.ts'
import { checkOutgoing, forEachPair, isList, type OutgoingFields, type OutgoingValue } from './outgoing-fields.ts'

/** The header fields of a response, as `http.OutgoingMessage` lets them be set, one by one. */
export class OutgoingHeaders extends LightStream {
  /** The head stands: it can no longer be changed. */
  headersSent = false
  /** A Date field is added where there is none. */
  sendDate = true
  #fields: Map<string, [name: string, value: OutgoingValue]> | undefined

  setHeader(name: string, value: OutgoingValue): this {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `set ${name}`)
    checkOutgoing(name, value)
    ;(this.#fields ??= new Map()).set(name.toLowerCase(), [name, value])
    return this
  }

  setHeaders(fields: Iterable<readonly [string, OutgoingValue]>): this {
    // The web's Headers yield each cookie on its own.
    const cookies: (string | number)[] = []
    for (const [name, value] of fields) {
      if (name.toLowerCase() !== 'set-cookie') this.setHeader(name, value)
      else if (typeof value === 'object') cookies.push(...value)
      else cookies.push(value)
    }
    return cookies.length === 0 ? this : this.setHeader('set-cookie', cookies)
  }

  appendHeader(name: string, value: OutgoingValue): this {
    const before = this.getHeader(name)
    if (before === undefined) return this.setHeader(name, value)
    return this.setHeader(this.#fields!.get(name.toLowerCase())![0], [before, value].flat())
  }

  getHeader(name: string): OutgoingValue | undefined {
    return this.#fields?.get(name.toLowerCase())?.[1]
  }

  hasHeader(name: string): boolean {
    return this.#fields?.has(name.toLowerCase()) ?? false
  }

  removeHeader(name: string): void {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `remove ${name}`)
    const lower = name.toLowerCase()
    if (lower === 'date') this.sendDate = false
    this.#fields?.delete(lower)
  }

  getHeaders(): Record<string, OutgoingValue> {
    const all = Object.create(null) as Record<string, OutgoingValue>
    if (this.#fields !== undefined) for (const [name, [, value]] of this.#fields) all[name] = value
    return all
  }

  getHeaderNames(): string[] {
    return this.#fields === undefined ? [] : [...this.#fields.keys()]
  }

  getRawHeaderNames(): string[] {
    return this.#fields === undefined ? [] : [...this.#fields.values()].map(([name]) => name)
  }

  /** Those of `writeHead`, in the place of those that were set before. */
  protected merged(fields: OutgoingFields | undefined): OutgoingFields | undefined {
    if (this.#fields === undefined) return fields
    const set = (name: string, value: OutgoingValue | undefined) => this.setHeader(name, value!)
    if (fields !== undefined && isList(fields)) {
      forEachPair(fields, (name) => this.removeHeader(name))
      forEachPair(fields, (name, value) => this.appendHeader(name, value!))
    } else if (fields !== undefined) for (const name of Object.keys(fields)) set(name, fields[name])
    return [...this.#fields!.values()]
  }
}
