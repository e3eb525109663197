import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, QpsError, systemErrorCode } from '@qps/core'

export interface ListenAt {
  /** A name or an address; `0.0.0.0` and `::` mean every interface. */
  host: string
  /** 0 picks a free port. */
  port: number
  /** SO_REUSEPORT: several listeners share the port, and the kernel chooses. Default false. */
  reusePort?: boolean
}

/** Connections that wait to be accepted. Node asks for 511; the kernel cuts it to `net.core.somaxconn`. */
const backlog = 4096

/**
 * Listens and returns the URL to reach the server at.
 *
 * @throws QpsError QPS_PORT_IN_USE where another process has the port; QPS_ADDRESS_UNAVAILABLE where the host is none of
 * this machine's, cannot be resolved, or the port needs rights that this process lacks.
 */
export async function listen(server: Server, at: ListenAt): Promise<string> {
  const { host, port, reusePort = false } = at
  try {
    // `once` rejects where 'error' comes first.
    const listening = once(server, 'listening')
    server.listen({ host, port, backlog, reusePort })
    await listening
  } catch (error) {
    throw listenError(error, at)
  }
  const address = server.address() as AddressInfo
  return `http://${reachable(address)}:${address.port}`
}

/** A wildcard is no address that a client can use. */
function reachable({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return family === 'IPv6' ? `[${address}]` : address
}

function listenError(cause: unknown, { host, port }: ListenAt): QpsError {
  const code = systemErrorCode(cause)
  if (code === 'EADDRINUSE') {
    return new QpsError('QPS_PORT_IN_USE', `port ${port} on ${host} is in use`, {
      cause,
      hint: `choose another with --port, 0 picks a free one; \`ss -ltnp 'sport = :${port}'\` shows who has it`,
    })
  }
  if (code === 'EACCES') {
    return new QpsError('QPS_ADDRESS_UNAVAILABLE', `port ${port} on ${host} needs rights that this process lacks`, {
      cause,
      hint: 'choose a port of at least 1024 with --port',
    })
  }
  return new QpsError('QPS_ADDRESS_UNAVAILABLE', `cannot listen on ${host}: ${messageOf(cause)}`, {
    cause,
    hint: 'choose one of this machine’s addresses with --host; 127.0.0.1 always works',
  })
}
