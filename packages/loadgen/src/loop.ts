import type { LoadConnection } from './connection.ts'

/**
 * When requests are sent: the one thing in which a closed and an open loop differ. Connections report what happens to
 * them; the loop decides who sends next. Runs on one thread; nothing here blocks.
 */
export interface Loop {
  /**
   * The load begins; `available` follows for every connection that is open.
   *
   * @param endMs no request is intended at this instant or later.
   */
  begin(nowMs: number, endMs: number): void
  /** A connection is open and all of its slots are free. Only after `begin`. */
  available(connection: LoadConnection, nowMs: number): void
  /** `count` answers have arrived on a connection; its slots are free unless it is closing. */
  answered(connection: LoadConnection, count: number, nowMs: number): void
  /** `count` requests were lost with their connection. */
  lost(count: number, nowMs: number): void
  /** The end has come: no further request is intended; those that wait are still sent. */
  stop(nowMs: number): void
  /** Requests intended and not sent yet. */
  readonly waiting: number
  /** Sends nothing more. @returns how many requests waited. */
  giveUp(): number
  /** Ends every timer. */
  close(): void
}
