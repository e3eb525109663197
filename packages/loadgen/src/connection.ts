import type { Clock } from '@qps/core'
import type { Slotted } from './idle-ring.ts'
import type { Loop } from './loop.ts'
import type { Recorder } from './recorder.ts'
import type { Transport, TransportTarget } from './transport.ts'

/** What all connections of a thread have in common. */
export interface ConnectionContext {
  clock: Clock
  transport: Transport
  target: TransportTarget
  recorder: Recorder
  loop: Loop
  /** Requests outstanding on one connection at most. */
  pipeline: number
  lengthVaries: boolean
  /** Length of the first correct answer's body, which all others must have; -1 until there is one. */
  expected: { bodyBytes: number }
  /** What servers have allowed: the fewest streams in flight on a connection; Infinity until one has said. */
  peer: { streamsMax: number }
}

/**
 * How a connection ended. `polite`: no request was lost by it. `broken`: outstanding requests were lost, or the server
 * sent nonsense. `refused`, `failed`: it never opened.
 */
export type Ending = 'polite' | 'broken' | 'refused' | 'failed'

/** Whom a connection tells that it is open, or no more. */
export interface ConnectionOwner {
  opened(connection: LoadConnection, nowMs: number): void
  ended(connection: LoadConnection, ending: Ending, nowMs: number): void
}

/** Makes one of a thread's connections, whatever protocol it speaks. */
export type ConnectionMaker = (owner: ConnectionOwner) => LoadConnection

/**
 * One connection to the server: sends what the loop tells it to, finds the answers in what comes back, checks them, and
 * gives each to the recorder with the intended start of its request. There is one implementation per protocol.
 *
 * Requests leave by `enqueue`, once or several times in a row, and one `flush`; nothing else of the thread comes between.
 */
export interface LoadConnection extends Slotted {
  /** When its slots became free because the last socket closed. */
  freedMs: number
  /** Answers on this socket. */
  readonly answers: number
  /** The last socket was closed without any loss: if nobody listens now, the server has stopped in order. */
  endedPolitely: boolean
  /** Requests sent and not answered. */
  readonly outstanding: number

  /** Opens a socket; `opened` or `ended` of the owner follows. */
  connect(): void
  /** Takes a slot for a request; `flush` sends it. Only where `free` is at least 1. */
  enqueue(intendedMs: number): void
  /** Sends all requests that were enqueued, in one write where they fit. */
  flush(): void
  /** Gives up what the server has owed for longer than this: an answer, or an acceptance. Called now and then. */
  sweep(nowMs: number, timeoutMs: number): void
  /** Closes without a word: the run is over. */
  close(): void
}
