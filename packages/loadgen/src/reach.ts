import { connect } from 'node:net'
import { messageOf, QpsError, systemErrorCode } from '@qps/core'
import type { LoadPlan } from './options.ts'
import type { TransportTarget } from './transport.ts'

/**
 * Opens one connection and closes it: finds the address behind a name, once, and fails early where nobody listens.
 *
 * @throws QpsError QPS_UNREACHABLE with the reason and what to try.
 */
export async function reach(plan: LoadPlan): Promise<TransportTarget> {
  const { host, port, timeoutS } = plan
  const { promise, resolve, reject } = Promise.withResolvers<TransportTarget>()
  const socket = connect({ host, port })
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutS} s`)), timeoutS * 1000)
  socket.once('connect', () => resolve({ address: socket.remoteAddress!, port }))
  socket.once('error', (error) => reject(unreachable(plan, error)))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

function unreachable({ url, host, port }: LoadPlan, error: Error): QpsError {
  const code = systemErrorCode(error)
  const why =
    code === 'ECONNREFUSED'
      ? `nobody listens on port ${port} of ${host}`
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? `the name ${host} is unknown`
        : messageOf(error)
  return new QpsError('QPS_UNREACHABLE', `cannot connect to ${url}: ${why}`, {
    cause: error,
    retryable: true,
    hint: 'start a server there first (npm run stage:1), or correct the URL',
  })
}
