import { hkdfSync } from 'node:crypto'
import { checkInteger, type Clock, describe, QpsError, systemClock } from '@qps/core'

export interface TicketKeysOptions {
  /** At least 32 random bytes, the same for every worker and process that is to accept the others' tickets. */
  secret: Uint8Array
  /** How long one key set is used, in milliseconds, whole seconds from 1 s to a day. Default an hour. */
  slotMs?: number
  /** Default the system's. Wall time is read: it is what processes have in common. */
  clock?: Clock
}

/** A key set as `setTicketKeys` takes it: 16 bytes of name, which stand in the open in each ticket, 16 for HMAC, 16 for AES. */
export type TicketKeySet = Buffer

/** Bytes of the name that a ticket begins with (RFC 5077, 4, and OpenSSL's practice). */
export const keyNameBytes = 16
const keySetBytes = 48
const secretBytesMin = 32

/**
 * Keys of session tickets by the clock: time is cut into slots, and the key set of a slot is derived from the secret and the
 * slot's number. Whoever has the secret has the same keys at the same time, and nobody has to tell anybody.
 *
 * The price: who steals the secret can open the tickets of every slot, past ones too, and with them read recorded TLS 1.2
 * connections that used tickets. Make the secret anew with every start of the group, and keep it in memory.
 *
 * Pure but for the clock; a derivation costs two HMACs and is kept for three slots.
 * Source: RFC 5869 (HKDF), RFC 8446, 4.6.1 and 8.1, on how long tickets live.
 */
export class TicketKeys {
  readonly slotMs: number
  readonly clock: Clock
  readonly #secret: Buffer
  readonly #derived = new Map<number, TicketKeySet>()

  /** @throws QpsError QPS_OPTION. */
  constructor({ secret, slotMs = 3_600_000, clock = systemClock }: TicketKeysOptions) {
    if (!(secret instanceof Uint8Array) || secret.length < secretBytesMin) {
      const given = secret instanceof Uint8Array ? `${secret.length} bytes` : describe(secret)
      throw new QpsError('QPS_OPTION', `secret must be at least ${secretBytesMin} bytes, not ${given}`, {
        hint: 'make it with crypto.randomBytes(32) and hand the same one to every worker',
      })
    }
    this.slotMs = checkInteger('slotMs', slotMs, { min: 1000, max: 86_400_000 })
    if (slotMs % 1000 !== 0) throw new QpsError('QPS_OPTION', `slotMs must be whole seconds, not ${slotMs}`)
    this.clock = clock
    this.#secret = Buffer.from(secret)
  }

  /** Number of the slot that it is now. */
  get slot(): number {
    return Math.floor(this.clock.wallMs() / this.slotMs)
  }

  /** Milliseconds until the next slot begins, more than 0. */
  get restMs(): number {
    return this.slotMs - (this.clock.wallMs() % this.slotMs)
  }

  /** The key set to write tickets with. */
  current(): TicketKeySet {
    return this.#of(this.slot)
  }

  /**
   * The key set that a ticket was written with, by the name that it begins with; undefined where that is neither of this slot,
   * of the one before, nor of the next: the clock of another machine may be ahead.
   *
   * @param name at least 16 bytes; those behind are not looked at.
   */
  find(name: Uint8Array): TicketKeySet | undefined {
    const { slot } = this
    const wanted = Buffer.from(name.buffer, name.byteOffset, Math.min(name.length, keyNameBytes))
    return [slot, slot - 1, slot + 1]
      .map((each) => this.#of(each))
      .find((keys) => wanted.equals(keys.subarray(0, keyNameBytes)))
  }

  #of(slot: number): TicketKeySet {
    const known = this.#derived.get(slot)
    if (known !== undefined) return known
    for (const other of this.#derived.keys()) if (Math.abs(other - this.slot) > 1) this.#derived.delete(other)
    const keys = Buffer.from(hkdfSync('sha256', this.#secret, '', `session tickets, slot ${slot}`, keySetBytes))
    this.#derived.set(slot, keys)
    return keys
  }
}
