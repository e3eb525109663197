/*
 * The interface of the engine: one poller per thread, with listeners and connections on it. Three implementations stand
 * behind it (io_uring, epoll, libuv); whoever uses it cannot tell which, except by speed.
 *
 * Order of callbacks, per connection:
 *
 *   listen: accept(connection) ─► onData* ─► [onEnd] ─► onClose
 *   connect:            onOpen ─► onData* ─► [onEnd] ─► onClose
 *              └──(refused, no answer)────────────────► onClose(error)
 *
 * One turn of the loop, whatever the backend:
 *
 *   wait ─► wake ─► ready ─► run* ─► flush ─► submit ─► (ready … while there is more) ─► wait
 *    │       │       │        │        │         └ it leaves, one send per connection
 *    │       │       │        │        └ what the callbacks wrote is gathered
 *    │       │       │        └ a callback
 *    │       │       └ results are taken from the kernel
 *    │       └ the kernel has news
 *    └ the thread sleeps with Node's loop
 *
 * All callbacks run on the poller's thread, in a turn of their own: promise callbacks and `process.nextTick` run behind
 * them as usual, and an error that a callback throws becomes an `uncaughtException`, after its connection was destroyed.
 * While events come thick and fast, up to four turns may share one immediate, where all who were told of data have written:
 * what runs behind them then runs behind the last.
 * No callback is called from within a call of these methods, and none for a connection after its `onClose`.
 */

export type Backend = 'io_uring' | 'epoll' | 'libuv'

/** Where to listen. Exactly one of `port` and `path`. */
export interface ListenOptions {
  /** IPv4 or IPv6 address, never a name. Default `127.0.0.1`. */
  host?: string
  /** 0 picks a free port. 0..65535 */
  port?: number
  /** A unix socket's path, at most 107 bytes. A socket file that is left over is not removed: QPS_PORT_IN_USE. */
  path?: string
  /** Connections that the kernel keeps for us until we accept them. Default 4096; the kernel cuts it to `net.core.somaxconn`. */
  backlog?: number
  /** SO_REUSEPORT: several listeners, one per thread or process, share the port, and the kernel chooses. Default false. */
  reusePort?: boolean
}

/** Where to connect to. Exactly one of `port` and `path`. */
export interface ConnectOptions {
  /** IPv4 or IPv6 address, never a name. Default `127.0.0.1`. */
  host?: string
  /** 1..65535 */
  port?: number
  /** A unix socket's path. */
  path?: string
}

/** What a connection tells its user: an object per connection, so that its state is in its fields. */
export interface ConnectionHandler {
  /** Outgoing connections only: it stands. What was written before leaves now. */
  onOpen?(): void
  /**
   * Bytes have arrived: `bytes[start..end)`, at least one.
   *
   * @param bytes **borrowed** for this call: the memory is written again as soon as it returns. Copy what must stay.
   */
  onData(bytes: Uint8Array, start: number, end: number): void
  /** The peer has sent everything (FIN). Writing goes on working until `end`: a half-closed connection is not closed. */
  onEnd(): void
  /** After `write` returned false: what waits has fallen to the low-water mark. */
  onDrain?(): void
  /**
   * The connection is gone, and with it what it held. Called exactly once, last.
   *
   * @param error why; undefined where both ends had said that they were done, or `destroy` was called.
   */
  onClose(error: Error | undefined): void
}

/**
 * One connection. Its output is a queue that leaves at the end of the turn, in one send where it fits, so any number of
 * small writes cost one system call.
 *
 * There are two ways to write. `reserve` and `commit` write into the memory that the kernel reads: nothing is copied.
 * `write` takes bytes that exist already.
 */
export interface Connection {
  /** False from the moment when `onClose` has been called, or `destroy`. */
  readonly open: boolean
  /** The peer's address, without a zone; empty for a unix socket. Asks the kernel at its first use. */
  readonly remoteAddress: string
  /** The peer's port; 0 for a unix socket. */
  readonly remotePort: number
  /** Bytes that have arrived so far. */
  readonly bytesRead: number
  /** Bytes that the kernel has taken so far. It says nothing about whether the peer has read them. */
  readonly bytesSent: number
  /** Bytes written and not yet taken by the kernel. */
  readonly pendingBytes: number
  /** The memory that `reserve` points into. It may be another one after each `reserve`: read it then, never keep it. */
  readonly output: Uint8Array

  /**
   * Leases room at the end of the output. Write into `output` from the returned offset on, then `commit`.
   *
   * The lease ends with `commit`, the next `reserve` or the turn, whichever comes first; uncommitted bytes never leave.
   *
   * @param bytes how many at most; 1..`reserveBytesMax` (4096).
   * @returns the offset into `output`; -1 where the connection takes no more output, because it is closed or ended.
   */
  reserve(bytes: number): number
  /** Makes everything from the reserved offset up to `end` (an offset into `output`) part of the output. */
  commit(end: number): void
  /**
   * Adds bytes to the output.
   *
   * @param bytes **lent** until they are sent (`pendingBytes` is 0) or the connection closes: they must not change. Pieces
   * up to 4096 bytes are copied at once, and may.
   * @returns false when more waits than the high-water mark: stop until `onDrain`. Nothing is lost if you do not; it is
   * kept, without a bound, so stop. Also false on a connection that takes no more output.
   */
  write(bytes: Uint8Array): boolean
  /** Sends FIN behind what was written. The connection closes when the peer has done the same. */
  end(): void
  /** Stops reading: at most what has arrived already is still delivered. The kernel then holds the peer back. */
  pause(): void
  /** Reads on. */
  resume(): void
  /**
   * Closes at once; what was not sent is dropped. `onClose` follows, in a turn of its own. Calling it again is a no-op.
   *
   * @param reset true sends RST, so that the kernel holds no unsent data for a peer that does not read. Default false.
   */
  destroy(reset?: boolean): void
}

/** A listening socket. */
export interface Listener {
  readonly host: string
  /** The port that it got; 0 for a unix socket. */
  readonly port: number
  /** The unix socket's path, or undefined. */
  readonly path: string | undefined
  /**
   * Accepts no more. Connections that stand stay, and whoever the kernel has accepted before the socket is closed is still
   * accepted. Resolves when it is closed. Calling it again waits for the same.
   */
  close(): Promise<void>
}

/** Counters since the poller was created; reading them costs nothing. */
export interface PollerStats {
  /** Turns of the loop in which the poller had something to do. */
  turns: number
  /** Times that the loop was woken by the kernel for this poller. */
  wakes: number
  /** System calls for moving data and accepting (an `io_uring_enter` is one); 0 where the backend cannot know (libuv). */
  systemCalls: number
  accepted: number
  connected: number
  /** Connections that are open now. */
  open: number
  bytesRead: number
  bytesSent: number
  /** Sends that the kernel took only a part of. */
  shortSends: number
  /** Times that no receive buffer was left (ENOBUFS), and reading was armed again. */
  receiveStarved: number
  /** Times that no output block was left, and a connection had to wait for one. */
  outputStarved: number
  /** Times that the completion queue overflowed. The kernel keeps such completions; nothing is lost. */
  overflows: number
  /** Times that accepting paused: the process had no descriptor left (EMFILE, ENFILE), or the kernel no memory. */
  acceptPauses: number
}

/** What the poller does, step by step, for whoever wants to watch. */
export type TraceStep =
  /** Sleeps until the kernel wakes it. `count` is 0. */
  | 'wait'
  /** The kernel has news for this poller. */
  | 'wake'
  /** `count` results are taken from the kernel. Their callbacks follow. */
  | 'ready'
  /** A callback for data, or for their end, runs. `count` is 1. */
  | 'run'
  /** The callbacks are done: `count` connections had written. */
  | 'flush'
  /** Sends were handed to the kernel; with io_uring reads, accepts and closes too. `count` of them. */
  | 'submit'

export type Trace = (step: TraceStep, count: number) => void

export interface PollerOptions {
  /** Default `auto`: io_uring where the kernel and FFI allow it, else epoll, else libuv. */
  backend?: Backend | 'auto'
  /** `write` returns false above this. Bytes, default 64 KiB. */
  highWaterBytes?: number
  /** `onDrain` is called at this. Bytes, default 16 KiB. */
  lowWaterBytes?: number
  /** Size of one receive buffer: the most that one `onData` carries. Bytes, power of two, default 8 KiB. */
  receiveBytes?: number
  /**
   * Receive buffers of the poller, shared by all of its connections (io_uring). Power of two up to 32,768, default 1024;
   * together with `receiveBytes` at most 1 GiB.
   */
  receiveBuffers?: number
  /** Bound of the output memory of the poller; connections beyond it wait. Bytes, default 256 MiB, used only as needed. */
  outputBytesMax?: number
  /**
   * While completions come thick and fast, wait for the next ones within the turn, at most 100 µs, instead of going around
   * the loop (io_uring). Saves CPU; whoever must act at an instant of its own choosing turns it off. Default true.
   */
  hotWait?: boolean
  /** Called for every step; for teaching and tests. Nothing is spent without it. */
  trace?: Trace | undefined
}

/** The engine of one thread. `createPoller` makes one. */
export interface Poller extends AsyncDisposable {
  readonly backend: Backend
  /** Why this backend: one sentence for people, e.g. `io_uring: Linux 6.18 and node:ffi allow it`. */
  readonly reason: string
  readonly stats: Readonly<PollerStats>
  /** As in the options; may be set and removed while the poller runs. */
  trace: Trace | undefined
  /**
   * Listens.
   *
   * @param accept called for each new connection; returns its handler. An error that it throws destroys the connection.
   * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE, QPS_USAGE for options that contradict each other or are out
   * of range, and on a closed poller.
   */
  listen(options: ListenOptions, accept: (connection: Connection) => ConnectionHandler): Promise<Listener>
  /**
   * Connects. Returns at once; writing is allowed before `onOpen`. There is no timeout: `destroy` is one.
   *
   * @throws QpsError QPS_USAGE for options that contradict each other, and on a closed poller. What the network refuses, or
   * a lack of descriptors (EMFILE), comes by `onClose`.
   */
  connect(options: ConnectOptions, handler: ConnectionHandler): Connection
  /**
   * Calls `task` once, behind the turn that is running: all of its callbacks have returned by then. Where none is running, in
   * a microtask. Costs no object, unlike `queueMicrotask`. An error that it throws becomes an `uncaughtException`.
   */
  behindTurn(task: () => void): void
  /** Closes listeners and connections and gives the memory back. Resolves when the last `onClose` has been called. */
  close(): Promise<void>
}

/** The most that one `reserve` can ask for. */
export const reserveBytesMax = 4096
