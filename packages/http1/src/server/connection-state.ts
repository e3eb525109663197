import type { Connection } from '@qps/netpoll'
import type { RequestParser } from '../request-parser.ts'
import type { BodySink } from './body.ts'
import type { Neighbors } from './connection-table.ts'
import { Intake } from './intake.ts'
import type { Response } from './response.ts'
import type { HttpServer } from './server.ts'
import { WatchNotes } from './watch.ts'

/** What a connection expects next. */
export const phase = { head: 0, body: 1, answer: 2, over: 3 } as const
export type Phase = (typeof phase)[keyof typeof phase]

/**
 * What a connection is doing, as those see it who look at all of them: the watch, the table, the drain. They read; what
 * changes it is in `HttpConnection`.
 */
export abstract class ConnectionState {
  readonly output: Connection
  /** In ms of the server's clock, as of the sweep or turn before. */
  readonly openedAtMs: number
  readonly intake: Intake
  /** For the watch's own use. */
  readonly notes: WatchNotes

  // For the table of connections
  /** Which share of those at rest it stands in, or -1. */
  restingShare = -1
  /** Those of the same address; undefined while it is not admitted. */
  neighbors: Neighbors | undefined = undefined

  protected phase: Phase = phase.head
  /** Leased from the server while a request is on its way or being answered. */
  protected parser: RequestParser | undefined
  /** Of the request that is being answered. */
  protected response: Response | undefined
  /** Who reads the body at hand. */
  protected body: BodySink | undefined

  constructor(server: HttpServer, output: Connection) {
    this.output = output
    this.openedAtMs = server.nowMs
    this.intake = new Intake(server, output)
    this.notes = new WatchNotes(server.nowMs)
  }

  /** A request is being answered. */
  get inFlight(): boolean {
    return this.response !== undefined
  }

  /** Between two requests: nothing to answer, and not a byte of the next one has come. */
  get isAtRest(): boolean {
    return this.phase === phase.head && this.intake.carry.length === 0 && this.parser === undefined
  }

  /** At rest, everything sent, and not new: only the idle limits apply to it. */
  get isIdle(): boolean {
    return this.isAtRest && this.output.pendingBytes === 0 && this.output.bytesRead > 0
  }

  /** A head is on its way: it has begun, or the connection has never asked anything. */
  get isReceivingHead(): boolean {
    return this.phase === phase.head && (this.parser !== undefined || this.output.bytesRead === 0)
  }

  /** A body is on its way, and we are reading. */
  get isReceivingBody(): boolean {
    return this.phase === phase.body && !this.intake.held && !this.isBodyUnasked
  }

  /** Whoever answers has not asked for the body yet, and still may. */
  protected get isBodyUnasked(): boolean {
    return this.phase === phase.body && this.body === undefined && this.response !== undefined
  }
}
