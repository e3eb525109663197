import { listenError } from '../listen-error.ts'
import { fileControl, socket } from './abi.ts'
import { addressBytesMax, type Endpoint, familyOf, readAddress, writeAddress } from './address.ts'
import { systemError } from './errno.ts'
import { loadNative } from './native.ts'
import { scratch } from './scratch.ts'

const { SOCK_STREAM, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET, SO_REUSEADDR, SO_REUSEPORT, SO_LINGER } = socket
const { IPPROTO_TCP, IPPROTO_IPV6, TCP_NODELAY, IPV6_V6ONLY, AF_UNIX, AF_INET6 } = socket

/** Where in the scratch page an address lies, and where its length. */
const addressAt = 0
const lengthAt = 256

/**
 * A listening socket. Accepted sockets inherit TCP_NODELAY from it: Linux clones the listener's options
 * (tcp_create_openreq_child), which saves a system call per connection.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE.
 */
export function openListener(
  endpoint: Endpoint,
  options: { backlog: number; reusePort: boolean; blocking: boolean },
): { descriptor: number; port: number } {
  const { backlog, reusePort, blocking } = options
  const native = loadNative()
  const descriptor = openSocket(endpoint, blocking)
  try {
    const family = familyOf(endpoint)
    if (family !== AF_UNIX) {
      setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)
      if (reusePort) setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)
      // `::` takes IPv4 as well, as node:net does.
      if (family === AF_INET6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, endpoint.host === '::' ? 0 : 1)
    }
    const { address, bytes } = scratch()
    const length = writeAddress(endpoint, bytes, addressAt)
    if (native.bind(descriptor, address, length) < 0) throw listenError(systemError(-native.errno(), 'bind'), endpoint)
    if (native.listen(descriptor, backlog) < 0) throw listenError(systemError(-native.errno(), 'listen'), endpoint)
    return { descriptor, port: localPort(descriptor) }
  } catch (error) {
    native.close(descriptor)
    throw error
  }
}

/**
 * A socket to connect or listen with.
 *
 * @param blocking true for io_uring, which waits itself, and would give up at once on a socket that says O_NONBLOCK.
 * @throws the system's error where the process has no descriptor left.
 */
export function openSocket(endpoint: Endpoint, blocking: boolean): number {
  const native = loadNative()
  const type = SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK)
  const descriptor = native.socket(familyOf(endpoint), type, 0)
  if (descriptor < 0) throw systemError(-native.errno(), 'socket')
  return descriptor
}

export function setNoDelay(descriptor: number): void {
  setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)
}

/** Makes the next close send RST and drop what was not sent: `struct linger { 1, 0 }`. socket(7). */
export function setReset(descriptor: number): void {
  const { words, address } = scratch()
  words[0] = 1
  words[1] = 0
  loadNative().setsockopt(descriptor, SOL_SOCKET, SO_LINGER, address, 8)
}

/** Lets `accept4` say EAGAIN instead of waiting. fcntl(2). */
export function stopBlocking(descriptor: number): void {
  loadNative().fcntl(descriptor, fileControl.F_SETFL, fileControl.O_NONBLOCK)
}

/** The peer's address; empty where the socket has none any more. */
export function peerAddress(descriptor: number): { host: string; port: number } {
  const native = loadNative()
  const { address, bytes, words } = scratch()
  bytes.fill(0, addressAt, addressBytesMax)
  words[lengthAt / 4] = addressBytesMax
  if (native.getpeername(descriptor, address, address + BigInt(lengthAt)) < 0) return { host: '', port: 0 }
  return readAddress(bytes, addressAt)
}

/** The result of a connect that was in progress: 0 or a negative errno. */
export function pendingError(descriptor: number): number {
  const native = loadNative()
  const { address, words } = scratch()
  words[0] = 0
  words[lengthAt / 4] = 4
  if (native.getsockopt(descriptor, SOL_SOCKET, socket.SO_ERROR, address, address + BigInt(lengthAt)) < 0) {
    return -native.errno()
  }
  return -words[0]
}

function localPort(descriptor: number): number {
  const { address, bytes, words } = scratch()
  words[lengthAt / 4] = addressBytesMax
  loadNative().getsockname(descriptor, address, address + BigInt(lengthAt))
  return readAddress(bytes, addressAt).port
}

function setOption(descriptor: number, level: number, option: number, value: number): void {
  const { words, address } = scratch()
  words[0] = value
  loadNative().setsockopt(descriptor, level, option, address, 4)
}
