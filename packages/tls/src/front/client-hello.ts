/**
 * What the front reads of a connection's first bytes: which key a client's ticket was written with. It decides nothing else:
 * OpenSSL parses the same bytes after it, and has the last word on them.
 *
 * Source: RFC 8446, 4.1.2 and 5.1; the ticket of TLS 1.2: RFC 5077, 3.2; of TLS 1.3: RFC 8446, 4.2.11.
 */
export type HelloReading =
  /** Not yet complete: read again when there are this many bytes. */
  | { kind: 'more'; bytes: number }
  /** No ClientHello, or a malformed one. */
  | { kind: 'other' }
  /** Complete. `ticketNames` are the first bytes of its tickets, in the client's order, views of the bytes given. */
  | { kind: 'hello'; ticketNames: Uint8Array[] }

/** What follows is OpenSSL's affair: usual ones have from 200 to 2000 bytes, the most from a client with a chain of tickets. */
export const helloBytesMax = 16_384
/** Tickets of one hello that are looked at; clients offer one or two. */
const ticketsMax = 4
const nameBytes = 16

const handshakeRecord = 22
const clientHello = 1
const recordHeaderBytes = 5
const messageHeaderBytes = 4
const extensions = { sessionTicket: 35, preSharedKey: 41 } as const

/**
 * Reads a ClientHello that lies in one record, as all do that fit in one; of another, the tickets are not looked for.
 * Linear in the bytes; makes no copy. It wants to be asked twice at most: with the record's header, then with the record.
 *
 * @param bytes all that has arrived on the connection.
 */
export function readClientHello(bytes: Uint8Array): HelloReading {
  if (bytes.length > 0 && bytes[0] !== handshakeRecord) return { kind: 'other' }
  if (bytes.length < recordHeaderBytes) return { kind: 'more', bytes: recordHeaderBytes }
  const end = recordHeaderBytes + (bytes[3]! << 8) + bytes[4]!
  if (end > helloBytesMax) return { kind: 'other' }
  if (bytes.length < end) return { kind: 'more', bytes: end }
  const fields = new Fields(bytes, recordHeaderBytes, end)
  const ticketNames = ticketsOf(fields)
  return fields.broken ? { kind: 'other' } : { kind: 'hello', ticketNames }
}

function ticketsOf(fields: Fields): Uint8Array[] {
  if (fields.number(1) !== clientHello) {
    fields.broken = true
    return []
  }
  const message = fields.block(messageHeaderBytes - 1)
  message.skip(2 + 32) // legacy_version, random
  message.block(1) // legacy_session_id
  message.block(2) // cipher_suites
  message.block(1) // legacy_compression_methods
  const names: Uint8Array[] = []
  const list = message.block(2)
  while (list.left > 0) {
    const type = list.number(2)
    const content = list.block(2)
    if (type === extensions.sessionTicket) names.push(...nameOf(content))
    if (type === extensions.preSharedKey) names.push(...identityNames(content))
  }
  fields.broken ||= message.broken || list.broken
  return names.slice(0, ticketsMax)
}

function identityNames(content: Fields): Uint8Array[] {
  const names: Uint8Array[] = []
  const identities = content.block(2)
  while (identities.left > 0 && names.length < ticketsMax) {
    names.push(...nameOf(identities.block(2)))
    identities.skip(4) // obfuscated_ticket_age
  }
  return names
}

/** None where the ticket is too short for a name: TLS 1.2 offers an empty one to ask for one. */
function nameOf(ticket: Fields): Uint8Array[] {
  return ticket.left < nameBytes ? [] : [ticket.take(nameBytes)]
}

/** A piece of a message, read from its beginning. What goes beyond its end breaks it: everything after that is empty. */
class Fields {
  broken = false
  readonly #bytes: Uint8Array
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  get left(): number {
    return this.broken ? 0 : this.#end - this.#at
  }

  take(length: number): Uint8Array {
    if (length > this.left) {
      this.broken = true
      return this.#bytes.subarray(0, 0)
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  skip(length: number): void {
    this.take(length)
  }

  /** A number of so many bytes, the highest first. */
  number(width: number): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** A vector: its length in so many bytes, then as many (RFC 8446, 3.4). */
  block(width: number): Fields {
    const length = this.number(width)
    const start = this.#at
    this.skip(length)
    const block = new Fields(this.#bytes, start, start + length)
    block.broken = this.broken
    return block
  }
}
