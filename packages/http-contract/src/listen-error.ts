import { messageOf, QpsError, systemErrorCode } from '@qps/core'

/**
 * What went wrong when a server wanted to listen.
 *
 * @param cause the system's error.
 * @returns a QpsError QPS_PORT_IN_USE where another process has the port; QPS_ADDRESS_UNAVAILABLE where the host is none of this
 * machine's, cannot be resolved, or the port needs rights that this process lacks.
 */
export function listenError(cause: unknown, { host, port }: { host: string; port: number }): QpsError {
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
