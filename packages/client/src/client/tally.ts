import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { DiagnosticsChannel } from 'undici'

/** What a client did so far. Counts of events; ratios are 0..1. */
export interface ClientStats {
  /** Requests that callers made. */
  requests: number
  /** Requests written to a connection, retries included. */
  sent: number
  /** Connections that came to be. */
  connectionsOpened: number
  /** Connections that are open now. */
  connectionsOpen: number
  /** Share of the requests sent that found a connection which had served before; 0 before the first. */
  hitRatio: number
  /** Connections that ended under a request before any byte of an answer: the reset race, or a crash. */
  resets: number
  /** Attempts beyond the first. */
  retries: number
  /** Retries that were due but beyond the budget. */
  retriesRefused: number
}

/** One client's counters. */
export class Tally {
  requests = 0
  sent = 0
  reused = 0
  connectionsOpened = 0
  connectionsOpen = 0
  resets = 0
  retries = 0
  retriesRefused = 0

  snapshot(): ClientStats {
    const { reused, ...counts } = this
    return { ...counts, hitRatio: this.sent === 0 ? 0 : reused / this.sent }
  }
}

/*
 * undici reports through Node's diagnostics channels, for all clients of the process together, Node's own fetch included.
 * A connection is known here as somebody's when its connector made it.
 */
const uses = new WeakMap<Socket, { tally: Tally; sent: number }>()
const connected = channel('undici:client:connected')
const sendHeaders = channel('undici:client:sendHeaders')
let watching = 0

function onConnected(message: unknown): void {
  const { socket } = message as DiagnosticsChannel.ClientConnectedMessage
  const use = uses.get(socket)
  if (!use) return
  use.tally.connectionsOpened++
  use.tally.connectionsOpen++
  socket.once('close', () => use.tally.connectionsOpen--)
}

function onSendHeaders(message: unknown): void {
  const use = uses.get((message as DiagnosticsChannel.ClientSendHeadersMessage).socket)
  if (!use) return
  use.tally.sent++
  if (use.sent > 0) use.tally.reused++
  use.sent++
}

/** From now on what undici reports about this socket counts for `tally`. */
export function attribute(socket: Socket, tally: Tally): void {
  uses.set(socket, { tally, sent: 0 })
}

/** Subscribes to undici's channels while at least one client exists. */
export function watchChannels(): Disposable {
  if (watching++ === 0) {
    connected.subscribe(onConnected)
    sendHeaders.subscribe(onSendHeaders)
  }
  let disposed = false
  return {
    [Symbol.dispose]: () => {
      if (disposed) return
      disposed = true
      if (--watching > 0) return
      connected.unsubscribe(onConnected)
      sendHeaders.unsubscribe(onSendHeaders)
    },
  }
}
