import { describe, messageOf, QpsError, systemErrorCode } from '@qps/core'
import type { Endpoint } from './sys/address.ts'

/**
 * Connections that wait to be accepted, checked: Node takes what it does not understand for its own default.
 *
 * @throws QpsError QPS_USAGE where it is no positive `int`, which is what listen(2) takes.
 */
export function checkBacklog(backlog = 4096): number {
  if (Number.isInteger(backlog) && backlog >= 1 && backlog < 2 ** 31) return backlog
  throw new QpsError('QPS_USAGE', `backlog must be a whole number from 1 to ${2 ** 31 - 1}, not ${describe(backlog)}`, {
    hint: 'leave it out for 4096; the kernel cuts it to net.core.somaxconn',
  })
}

/** What went wrong with listening, as people can act on it. */
export function listenError(cause: unknown, { host, port, path }: Endpoint): QpsError {
  const code = systemErrorCode(cause)
  const place = path === undefined ? `port ${port} on ${host}` : `the socket ${path}`
  if (code === 'EADDRINUSE') {
    const who = path === undefined ? `\`ss -ltnp 'sport = :${port}'\`` : `\`ss -lxp src ${path}\``
    return new QpsError('QPS_PORT_IN_USE', `${place} is in use`, {
      cause,
      hint:
        path === undefined
          ? `port 0 picks a free one; ${who} shows who has it`
          : `remove the file if ${who} shows nobody`,
    })
  }
  const hint =
    path === undefined ? 'choose one of this machine’s addresses; 127.0.0.1 always works' : 'choose another directory'
  if (code !== 'EACCES') {
    return new QpsError('QPS_ADDRESS_UNAVAILABLE', `cannot listen at ${place}: ${messageOf(cause)}`, { cause, hint })
  }
  return new QpsError('QPS_ADDRESS_UNAVAILABLE', `${place} needs rights that this process lacks`, {
    cause,
    hint: path === undefined ? 'choose a port of at least 1024' : hint,
  })
}
