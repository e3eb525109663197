import type { Server } from 'node:tls'
import type { TicketKeys, TicketKeySet } from '../sessions/ticket-keys.ts'

interface Hello {
  /** The key set that its ticket needs; undefined for the current one. */
  keys: TicketKeySet | undefined
  begin: () => void
}

/**
 * Lets each handshake begin while the server has the key set that its ticket was written with. A context has one key set, and
 * OpenSSL opens a ticket when it reads the hello: in the tick after Node was given the bytes, or, where `newSession` or
 * `resumeSession` has a listener, in an immediate of Node's behind that. So time is cut into windows of one key set each, which
 * end in an immediate behind Node's; a hello that needs another set waits for the next window, first come, first served. As
 * long as all tickets are of the current slot, nobody waits.
 *
 * Were Node to read a hello later one day, tickets of neighboring slots would cost a full handshake and nothing else.
 */
export class KeyWindow {
  readonly #target: Pick<Server, 'setTicketKeys'>
  readonly #tickets: TicketKeys
  /** As many as the gate has let in, at most. */
  readonly #waiting: Hello[] = []
  #open: { keys: TicketKeySet | undefined } | undefined
  #begunSince = false
  #neighbors = 0

  constructor(target: Pick<Server, 'setTicketKeys'>, tickets: TicketKeys) {
    this.#target = target
    this.#tickets = tickets
  }

  /** Hellos with a ticket of the slot before or of the next. */
  get neighbors(): number {
    return this.#neighbors
  }

  /** Calls `begin`, now or in one of the next turns. @param ticketNames as the hello has them. */
  run(ticketNames: Uint8Array[], begin: () => void): void {
    const hello = { keys: this.#neighborOf(ticketNames), begin }
    if (hello.keys !== undefined) this.#neighbors++
    if (this.#waiting.length > 0 || !this.#begin(hello)) this.#waiting.push(hello)
  }

  #begin({ keys, begin }: Hello): boolean {
    if (this.#open === undefined) {
      this.#open = { keys }
      if (keys !== undefined) this.#target.setTicketKeys(keys)
      setImmediate(() => this.#close())
    }
    const fits = keys === undefined ? this.#open.keys === undefined : this.#open.keys?.equals(keys) === true
    if (!fits) return false
    this.#begunSince = true
    begin()
    return true
  }

  #close(): void {
    // What began in an immediate is read in the next turn only.
    if (this.#begunSince) {
      this.#begunSince = false
      return void setImmediate(() => this.#close())
    }
    if (this.#open?.keys !== undefined) this.#target.setTicketKeys(this.#tickets.current())
    this.#open = undefined
    while (this.#waiting.length > 0 && this.#begin(this.#waiting[0]!)) this.#waiting.shift()
  }

  /** The key set of the first ticket that is known, where it is not the current one. */
  #neighborOf(names: Uint8Array[]): TicketKeySet | undefined {
    for (const name of names) {
      const keys = this.#tickets.find(name)
      if (keys !== undefined) return keys.equals(this.#tickets.current()) ? undefined : keys
    }
    return undefined
  }
}
