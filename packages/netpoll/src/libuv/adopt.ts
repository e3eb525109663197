import { Socket, type SocketConstructorOpts } from 'node:net'

/** The part of libuv's handle, as Node wraps it, that is used here. */
export interface StreamHandle {
  /** Bytes that were given to libuv and that the kernel has not taken. */
  readonly writeQueueSize: number
}

/** libuv's handle behind a socket; undefined once it is closed, or where a later Node hides it. */
export function handleOf(socket: Socket): StreamHandle | undefined {
  const { _handle: handle } = socket as Socket & { _handle?: (StreamHandle & { readStart?: unknown }) | null }
  return typeof handle?.readStart === 'function' ? handle : undefined
}

/**
 * Moves an accepted connection into a socket that reads into our own buffer.
 *
 * Into whose memory a socket reads is an option of its constructor (`onread`), and accepted sockets are constructed by
 * `net.Server`, which does not pass it on. Without it libuv allocates 64 KiB for each read, shrinks it to what has
 * come, wraps it into a Buffer for the collector and pushes that through a stream. So the handle changes its shell: a
 * second object per connection, paid once, saves that on every read.
 *
 * `_handle` and the `handle` option are what Node's own modules use, and no documented interface. Where they are missing
 * the socket is returned as it came, and reads the usual way.
 *
 * @param shell as `pauseOnConnect` delivers it: nothing has been read yet.
 * @returns the socket to use; reading runs already where it is a new one.
 */
export function adopt(
  shell: Socket,
  onread: SocketConstructorOpts['onread'],
  find: (socket: Socket) => StreamHandle | undefined = handleOf,
): Socket {
  const handle = find(shell)
  if (handle === undefined) return shell
  const options = { handle, onread, allowHalfOpen: true }
  const socket = new Socket(options as unknown as SocketConstructorOpts)
  // An empty shell: destroying it only tells its server that it is gone.
  Object.assign(shell, { _handle: null })
  shell.destroy()
  return socket
}
