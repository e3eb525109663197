import type { Server } from 'node:tls'
import { checkInteger, type Clock, systemClock } from '@qps/core'

export interface SessionStoreOptions {
  /** Sessions kept, 1 to 1,000,000; the oldest makes room. Default 10,000. */
  entriesMax?: number
  /** How long a session may be resumed, in milliseconds, at least 1000. Default 300,000. */
  lifetimeMs?: number
  /** Default the system's. */
  clock?: Clock
}

export interface SessionStoreStats {
  entries: number
  /** Session ids of TLS 1.2 that were asked for and found, or not. */
  hits: number
  misses: number
  /** Sessions that made room for newer ones before their time. */
  evicted: number
}

/** A session that is larger is not kept: usual ones have some hundred bytes, one with a client's chain a few thousand. */
const sessionBytesMax = 8192

/**
 * TLS 1.2 sessions by id, for clients that take no tickets. The memory of one process: another worker does not find them.
 *
 * TLS 1.3 has no session ids. Node raises both events for it all the same, with the random bytes that 1.3 sends in the
 * place of an id, and OpenSSL then does not take what it is given (RFC 8446, 4.1.2 and D.4); such sessions are not kept.
 *
 * O(1) each; at most `entriesMax` times 8 KiB. Source: RFC 5246, 7.4.1.2 and F.1.4.
 */
export class SessionStore {
  readonly #sessions = new Map<string, { data: Buffer; endsMs: number }>()
  readonly #entriesMax: number
  readonly #lifetimeMs: number
  readonly #clock: Clock
  #hits = 0
  #misses = 0
  #evicted = 0

  /** @throws QpsError QPS_OPTION. */
  constructor({ entriesMax = 10_000, lifetimeMs = 300_000, clock = systemClock }: SessionStoreOptions = {}) {
    this.#entriesMax = checkInteger('entriesMax', entriesMax, { min: 1, max: 1_000_000 })
    this.#lifetimeMs = checkInteger('lifetimeMs', lifetimeMs, { min: 1000 })
    this.#clock = clock
  }

  /** Serves one server's sessions until disposed of. Both events cost Node a parse of each ClientHello of its own. */
  attach(server: Server): Disposable {
    const onNew = (id: Buffer, data: Buffer, done: () => void): void => {
      this.#keep(id, data)
      done()
    }
    const onResume = (id: Buffer, done: (error: Error | null, data: Buffer | null) => void): void => {
      done(null, this.#find(id))
    }
    server.on('newSession', onNew).on('resumeSession', onResume)
    return { [Symbol.dispose]: () => void server.off('newSession', onNew).off('resumeSession', onResume) }
  }

  stats(): SessionStoreStats {
    return { entries: this.#sessions.size, hits: this.#hits, misses: this.#misses, evicted: this.#evicted }
  }

  #keep(id: Buffer, data: Buffer): void {
    if (data.length > sessionBytesMax || !isTls12(data)) return
    const nowMs = this.#clock.nowMs()
    for (const [key, { endsMs }] of this.#sessions) {
      const expired = endsMs <= nowMs
      if (!expired && this.#sessions.size < this.#entriesMax) break
      if (!expired) this.#evicted++
      this.#sessions.delete(key)
    }
    // Of one lifetime all, so the order in which they came is the order in which they end.
    this.#sessions.set(id.toString('latin1'), { data, endsMs: nowMs + this.#lifetimeMs })
  }

  #find(id: Buffer): Buffer | null {
    const found = this.#sessions.get(id.toString('latin1'))
    if (found === undefined || found.endsMs <= this.#clock.nowMs()) {
      this.#misses++
      return null
    }
    this.#hits++
    return found.data
  }
}

/** A session as OpenSSL writes it: SEQUENCE { INTEGER 1, INTEGER version, … }, with 0x0303 for TLS 1.2 (d2i_SSL_SESSION(3)). */
function isTls12(data: Buffer): boolean {
  const at = data.subarray(0, 12).indexOf(Buffer.of(0x02, 0x01, 0x01, 0x02, 0x02))
  return at !== -1 && data.readUInt16BE(at + 5) === 0x0303
}
