import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { HostPort } from '../binding/quiche.ts'

const macBytes = 16
const timeBytes = 8

/**
 * Tokens for Retry (RFC 9000, section 8.1.2): what a server would have to remember of a client that has not shown yet that
 * it receives where it says, sealed and sent there.
 *
 *   | HMAC-SHA256, cut (16) | made at, ms (8) | id that the client had chosen |
 *
 * The seal covers the address. The key is the process's own and lives as long.
 */
export class RetryTokens {
  readonly #key = randomBytes(32)
  readonly #lifeMs: number

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
  }

  make(originalId: Uint8Array, peer: HostPort, nowMs: number): Buffer {
    const content = Buffer.alloc(timeBytes + originalId.length)
    content.writeDoubleBE(nowMs)
    content.set(originalId, timeBytes)
    return Buffer.concat([this.#seal(content, peer), content])
  }

  /** @returns the id that the client had chosen first; undefined where the token is not ours, not for this address or too old. */
  open(token: Uint8Array, peer: HostPort, nowMs: number): Buffer | undefined {
    const bytes = Buffer.from(token)
    if (bytes.length <= macBytes + timeBytes) return undefined
    const content = bytes.subarray(macBytes)
    if (!timingSafeEqual(bytes.subarray(0, macBytes), this.#seal(content, peer))) return undefined
    return nowMs - content.readDoubleBE() <= this.#lifeMs ? content.subarray(timeBytes) : undefined
  }

  #seal(content: Uint8Array, { host, port }: HostPort): Buffer {
    const mac = createHmac('sha256', this.#key).update(`${host} ${port} `).update(content)
    return mac.digest().subarray(0, macBytes)
  }
}
