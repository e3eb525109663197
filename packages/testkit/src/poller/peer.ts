import type { ListenOptions, Listener, Poller } from '@qps/netpoll'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { Recorder, type Reactions } from './recorder.ts'
import { until } from './subject.ts'

/** The other end of a connection, on `node:net`. */
export class Peer {
  readonly socket: Socket
  ended = false
  closed = false
  errorCode: string | undefined
  bytes = 0
  readonly #pieces: Buffer[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.bytes += piece.length
    })
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.closed = true))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code))
  }

  get received(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

/** Connects and waits until it stands. The socket stays open for writing when the other end is done. */
export async function connectPeer(options: NetConnectOpts): Promise<Peer> {
  const peer = new Peer(connect({ allowHalfOpen: true, ...options }))
  await until(() => !peer.socket.connecting || peer.closed, 'the peer connects')
  return peer
}

/** A listener, the connections that it accepted and their recorders. */
export interface Served extends Disposable {
  listener: Listener
  recorders: Recorder[]
  /** Connects a peer and returns it with what the poller made of it. */
  meet(): Promise<{ peer: Peer; recorder: Recorder }>
}

/**
 * Listens, with a recorder for each connection.
 *
 * Disposing of it destroys the peers; the poller's side goes with the poller.
 */
export async function serve(
  poller: Poller,
  reactions: Reactions = {},
  options: ListenOptions = { port: 0 },
): Promise<Served> {
  const recorders: Recorder[] = []
  const peers: Peer[] = []
  const listener = await poller.listen(options, (connection) => {
    const recorder = new Recorder(reactions)
    recorder.connection = connection
    recorders.push(recorder)
    return recorder
  })
  return {
    listener,
    recorders,
    async meet() {
      const { host, port, path } = listener
      const index = recorders.length
      const peer = await connectPeer(path === undefined ? { host, port } : { path })
      peers.push(peer)
      await until(() => recorders.length > index, 'the connection is accepted')
      return { peer, recorder: recorders[index]! }
    },
    [Symbol.dispose]() {
      for (const { socket } of peers) socket.destroy()
    },
  }
}

/** Opens a connection from the poller, with a recorder. */
export function open(poller: Poller, listener: Listener, reactions: Reactions = {}): Recorder {
  const recorder = new Recorder(reactions)
  const { host, port, path } = listener
  recorder.connection = poller.connect(path === undefined ? { host, port } : { path }, recorder)
  return recorder
}
