import { HpackDecoder } from '@qps/http2-frames'
import { isValidRequest, RequestHead } from './request-head.ts'

/** A block that was decoded, and what came of it. */
interface Remembered {
  block: Uint8Array
  head: RequestHead
}

/** Sections that a session remembers: a client has a handful of them that it sends again and again. */
const rememberedMax = 8
/** Longer blocks are not remembered. */
const rememberedBytesMax = 512

/**
 * Reads the header blocks of a session. HPACK's table is what makes a block short; that it is short makes it cheap to
 * recognize: a block that left the table alone means the same again, until another one changes it. Then it need not be
 * decoded, nor checked, nor looked at by the handler a second time.
 *
 * Scenario 03-grpc-unary measures it: its calls all have the same section.
 */
export class HeadReader {
  readonly #decoder: HpackDecoder
  readonly #fieldsMax: number
  readonly #remembered: Remembered[] = []
  #changes = 0
  #next = 0
  #fields: string[] = []
  #hasPseudo = false

  /**
   * @param listBytesMax as announced by SETTINGS_MAX_HEADER_LIST_SIZE.
   * @param fieldsMax fields of one section; those of a longer one are too large as well.
   */
  constructor(listBytesMax: number, fieldsMax: number) {
    this.#decoder = new HpackDecoder({ headerListBytes: listBytesMax })
    this.#fieldsMax = fieldsMax
  }

  /** Why no block can be read any more: a compression error, which ends the session. */
  get failure(): string | undefined {
    return this.#decoder.failure
  }

  /** @returns undefined where the section is malformed (RFC 9113, section 8.1.1), or `failure` is set. */
  read(bytes: Uint8Array, start: number, end: number): RequestHead | undefined {
    const known = this.#find(bytes, start, end)
    if (known !== undefined) return known
    this.#fields = []
    const changesBefore = this.#decoder.tableChanges
    this.#decoder.decode(bytes, start, end, this.#take)
    const { failure, malformed, overflow, tableChanges } = this.#decoder
    if (failure !== undefined || malformed) return undefined
    if (overflow || this.#fields.length > 2 * this.#fieldsMax) return new RequestHead(this.#fields, true)
    if (!isValidRequest(this.#fields)) return undefined
    const head = new RequestHead(this.#fields, false)
    if (tableChanges === changesBefore && end - start <= rememberedBytesMax) {
      this.#remember(bytes.slice(start, end), head)
    }
    return head
  }

  /**
   * Keeps the table in step with a block whose fields nobody wants: trailers, or a stream that is gone.
   *
   * @returns whether it may be a trailer section: well-formed, and without pseudo-header fields (RFC 9113, section 8.1).
   */
  skip(bytes: Uint8Array, start: number, end: number): boolean {
    this.#hasPseudo = false
    this.#decoder.decode(bytes, start, end, this.#look)
    return !this.#decoder.malformed && !this.#hasPseudo
  }

  readonly #take = (name: string, value: string): void => {
    this.#fields.push(name, value)
  }

  readonly #look = (name: string): void => {
    if (name.startsWith(':')) this.#hasPseudo = true
  }

  #find(bytes: Uint8Array, start: number, end: number): RequestHead | undefined {
    if (this.#decoder.tableChanges !== this.#changes) return undefined
    for (const { block, head } of this.#remembered) if (isSame(block, bytes, start, end)) return head
    return undefined
  }

  #remember(block: Uint8Array, head: RequestHead): void {
    if (this.#decoder.tableChanges !== this.#changes) {
      this.#remembered.length = 0
      this.#next = 0
      this.#changes = this.#decoder.tableChanges
    }
    this.#remembered[this.#next] = { block, head }
    this.#next = (this.#next + 1) % rememberedMax
  }
}

function isSame(block: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (block.length !== end - start) return false
  for (let at = 0; at < block.length; at++) if (block[at] !== bytes[start + at]) return false
  return true
}
