import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listenError, reachableHost } from '@qps/http-contract'

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
  return `http://${reachableHost(address)}:${address.port}`
}
