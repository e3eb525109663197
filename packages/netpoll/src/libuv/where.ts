import { isIP } from 'node:net'
import { describe, messageOf, QpsError, systemErrorCode } from '@qps/core'
import type { ConnectOptions, ListenOptions } from '../poller.ts'

/** An address as it can be used: every default filled in. `path` is empty for TCP, `host` for a unix socket. */
export interface Where {
  host: string
  port: number
  path: string
}

/** `sun_path` of Linux is 108 bytes with its terminating zero (unix(7)). */
const pathBytesMax = 107

/**
 * Checks where to listen or to connect to.
 *
 * @param portMin 0 for a listener, which may ask for a free port; 1 for a connection.
 * @throws QpsError QPS_USAGE where `port` and `path` are both given or both missing, the host is a name, the port is no port or
 * the path too long.
 */
export function checkWhere(options: ListenOptions | ConnectOptions, portMin: 0 | 1): Where {
  const { host = '127.0.0.1', port, path } = options
  if ((port === undefined) === (path === undefined)) {
    throw new QpsError('QPS_USAGE', `give a port or a path, ${port === undefined ? 'neither is given' : 'not both'}`, {
      hint: 'port for TCP, path for a unix socket',
    })
  }
  if (path !== undefined) return { host: '', port: 0, path: checkPath(path, options.host) }
  if (isIP(host) === 0) {
    throw new QpsError('QPS_USAGE', `host must be an IP address, not ${describe(host)}`, {
      hint: 'names are not resolved here; `dns.lookup` of node:dns gives an address',
    })
  }
  return { host, port: checkWhole('port', port, portMin, 65_535), path: '' }
}

/** How many connections may wait to be accepted. The kernel keeps it in an `int`, and cuts it (listen(2)). */
export function checkBacklog(backlog = 4096): number {
  return checkWhole('backlog', backlog, 1, 2 ** 31 - 1)
}

function checkWhole(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw new QpsError('QPS_USAGE', `${name} must be a whole number from ${min} to ${max}, not ${describe(value)}`)
}

function checkPath(path: string, host: string | undefined): string {
  if (host !== undefined) {
    throw new QpsError('QPS_USAGE', `a unix socket has no host, yet ${describe(host)} is given`, {
      hint: 'leave host away, or give a port',
    })
  }
  const bytes = Buffer.byteLength(path)
  if (bytes === 0 || bytes > pathBytesMax) {
    throw new QpsError(
      'QPS_USAGE',
      `a unix socket's path has 1 to ${pathBytesMax} bytes, ${describe(path)} has ${bytes}`,
      {
        hint: 'choose a shorter directory, such as one below /tmp',
      },
    )
  }
  return path
}

/** What went wrong with listening, as people can act on it. */
export function listenError(cause: unknown, { host, port, path }: Where): QpsError {
  const code = systemErrorCode(cause)
  const place = path === '' ? `port ${port} on ${host}` : `the socket ${path}`
  if (code === 'EADDRINUSE') {
    const who = path === '' ? `\`ss -ltnp 'sport = :${port}'\`` : `\`ss -lxp src ${path}\``
    return new QpsError('QPS_PORT_IN_USE', `${place} is in use`, {
      cause,
      hint: path === '' ? `port 0 picks a free one; ${who} shows who has it` : `remove the file if ${who} shows nobody`,
    })
  }
  const hint =
    path === '' ? 'choose one of this machine’s addresses; 127.0.0.1 always works' : 'choose another directory'
  if (code !== 'EACCES') {
    return new QpsError('QPS_ADDRESS_UNAVAILABLE', `cannot listen at ${place}: ${messageOf(cause)}`, { cause, hint })
  }
  return new QpsError('QPS_ADDRESS_UNAVAILABLE', `${place} needs rights that this process lacks`, {
    cause,
    hint: path === '' ? 'choose a port of at least 1024' : hint,
  })
}
