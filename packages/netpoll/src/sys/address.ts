import { QpsError } from '@qps/core'
import { isIP, SocketAddress } from 'node:net'
import { endianness } from 'node:os'
import { socket } from './abi.ts'

/** A place to listen at or to connect to: one of an address with a port, or a path. */
export interface Endpoint {
  host: string
  port: number
  path: string | undefined
}

/** `sizeof(struct sockaddr_un)`, the largest of the three. */
export const addressBytesMax = 110
/** `sun_path` less its final zero. unix(7). */
const pathBytesMax = 107

const { AF_INET, AF_INET6, AF_UNIX } = socket

/**
 * Checks the options that name an endpoint.
 *
 * @throws QpsError QPS_USAGE: both or neither of port and path, a port out of range, a host that is no address, a path too long.
 */
export function endpointOf(
  options: { host?: string; port?: number; path?: string },
  portMin: 0 | 1,
  what: string,
): Endpoint {
  const { host = '127.0.0.1', port, path } = options
  if ((port === undefined) === (path === undefined)) {
    throw new QpsError('QPS_USAGE', `${what} needs exactly one of port and path`, {
      hint: 'give { port: 0 } for a free port, or { path } for a unix socket',
    })
  }
  if (path !== undefined) {
    const length = Buffer.byteLength(path)
    if (length === 0 || length > pathBytesMax || path.includes('\0')) {
      throw new QpsError('QPS_USAGE', `a unix socket's path has 1 to ${pathBytesMax} bytes, not ${length}`, {
        hint: 'choose a shorter folder, such as one under /tmp',
      })
    }
    return { host: '', port: 0, path }
  }
  if (!Number.isInteger(port) || port! < portMin || port! > 65_535) {
    throw new QpsError('QPS_USAGE', `${what}: a port is a whole number from ${portMin} to 65535, not ${String(port)}`, {
      hint: portMin === 0 ? '0 picks a free one' : 'give the port that the server listens on',
    })
  }
  if (isIP(host) === 0) {
    throw new QpsError('QPS_USAGE', `${what}: ${JSON.stringify(host)} is no IP address`, {
      hint: 'look the name up first, with dns.lookup; the engine itself never waits for a name',
    })
  }
  return { host, port: port!, path: undefined }
}

export function familyOf({ host, path }: Endpoint): number {
  if (path !== undefined) return AF_UNIX
  return isIP(host) === 6 ? AF_INET6 : AF_INET
}

/** x86-64 and arm64 under Linux are little-endian; `sa_family` is in the machine's order, a port in the network's. */
const littleEndian = endianness() === 'LE'

/**
 * Writes `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un`. ip(7), ipv6(7), unix(7).
 *
 * @returns its length in bytes.
 */
export function writeAddress(endpoint: Endpoint, bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, addressBytesMax)
  new Uint8Array(view.buffer, view.byteOffset, addressBytesMax).fill(0)
  const family = familyOf(endpoint)
  view.setUint16(0, family, littleEndian)
  if (family === AF_UNIX) {
    const length = new TextEncoder().encodeInto(endpoint.path!, bytes.subarray(at + 2, at + addressBytesMax)).written
    return 2 + length + 1
  }
  view.setUint16(2, endpoint.port)
  if (family === AF_INET) {
    for (const [index, part] of endpoint.host.split('.').entries()) view.setUint8(4 + index, Number(part))
    return 16
  }
  for (const [index, group] of groupsOf(endpoint.host).entries()) view.setUint16(8 + 2 * index, group)
  return 28
}

/** Reads what {@link writeAddress} writes, as the kernel fills it in. */
export function readAddress(bytes: Uint8Array, at: number): { host: string; port: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, addressBytesMax)
  const family = view.getUint16(0, littleEndian)
  if (family === AF_INET) {
    const host = `${bytes[at + 4]}.${bytes[at + 5]}.${bytes[at + 6]}.${bytes[at + 7]}`
    return { host, port: view.getUint16(2) }
  }
  if (family === AF_INET6) {
    const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index).toString(16)).join(':')
    // SocketAddress knows the canonical form (RFC 5952), mapped IPv4 addresses included.
    return { host: new SocketAddress({ address: groups, family: 'ipv6' }).address, port: view.getUint16(2) }
  }
  return { host: '', port: 0 }
}

/** The eight groups of an IPv6 address that `isIP` has accepted. */
function groupsOf(host: string): number[] {
  const address = host.split('%', 1)[0]!.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_whole, ...parts: string[]) => {
    const [a, b, c, d] = parts.map(Number) as [number, number, number, number]
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups.map((group) => Number.parseInt(group, 16))
}
