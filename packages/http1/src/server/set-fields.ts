import { checkField, type FieldValue, linesOf } from './fields.ts'

/** The server writes these itself, from what it knows of the content and the connection. */
const ours: ReadonlySet<string> = new Set(['connection', 'transfer-encoding', 'content-length', 'date', 'keep-alive'])

/** The header fields that a handler has set on one response, in order: one of each name, in any case. */
export class SetFields {
  /** Names and values by turns. */
  readonly #pairs: (string | FieldValue)[] = []

  /** In the place of one of the same name. @throws QpsError QPS_HEADER for what a header field cannot carry. */
  set(name: string, value: FieldValue): void {
    if (typeof value === 'object') for (const line of value) checkField(name, line)
    else checkField(name, String(value))
    this.remove(name)
    this.#pairs.push(name, value)
  }

  get(name: string): FieldValue | undefined {
    const at = this.#indexOf(name)
    return at === -1 ? undefined : this.#pairs[at + 1]
  }

  remove(name: string): void {
    const at = this.#indexOf(name)
    if (at !== -1) this.#pairs.splice(at, 2)
  }

  /** The lines of a head, each with its CRLF, without those that the server writes. */
  lines(): string {
    let lines = ''
    for (let at = 0; at < this.#pairs.length; at += 2) {
      const name = this.#pairs[at] as string
      if (!ours.has(name.toLowerCase())) lines += linesOf(name, this.#pairs[at + 1]!)
    }
    return lines
  }

  /** Does Connection say that it closes? */
  get close(): boolean {
    const value = this.get('connection')
    return value !== undefined && /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(String(value))
  }

  /** Content-Length, or -1 where it is not set, or no length. */
  get contentLength(): number {
    const value = this.get('content-length')
    return value !== undefined && /^\d{1,15}$/.test(String(value)) ? Number(value) : -1
  }

  #indexOf(name: string): number {
    const lower = name.toLowerCase()
    for (let at = 0; at < this.#pairs.length; at += 2) {
      if ((this.#pairs[at] as string).toLowerCase() === lower) return at
    }
    return -1
  }
}
