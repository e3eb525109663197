import type { LoadConnection } from './connection.ts'
import type { Loop } from './loop.ts'

/**
 * A closed loop: every connection keeps all of its slots busy, and an answer starts the next request. The rate is what the
 * server makes of it. A request's intended start is the instant at which its slot became free: where a connection has
 * to be opened anew, the time for that is part of the latency.
 */
export class ClosedLoop implements Loop {
  readonly waiting = 0
  #running = false
  #beganMs = 0
  #endMs = 0

  begin(nowMs: number, endMs: number): void {
    this.#running = true
    this.#beganMs = nowMs
    this.#endMs = endMs
  }

  available(connection: LoadConnection, _nowMs: number): void {
    this.#fill(connection, Math.max(this.#beganMs, connection.freedMs))
  }

  answered(connection: LoadConnection, _count: number, nowMs: number): void {
    this.#fill(connection, nowMs)
  }

  lost(_count: number, _nowMs: number): void {}

  giveUp(): number {
    return 0
  }

  stop(_nowMs: number): void {
    this.#running = false
  }

  close(): void {
    this.#running = false
  }

  #fill(connection: LoadConnection, intendedMs: number): void {
    if (!this.#running || intendedMs >= this.#endMs) return
    const free = connection.free
    for (let sent = 0; sent < free; sent++) connection.enqueue(intendedMs)
    if (free > 0) connection.flush()
  }
}
