import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { QpsError } from '@qps/core'
import { connectHttp3, type Http3Ending } from '@qps/quic'
import type { LoadPlan } from '../options.ts'
import type { TransportTarget } from '../transport.ts'
import { unreachable, untrusted } from '../unreachable.ts'
import { clientOptions } from './client-options.ts'
import { knock } from './knock.ts'
import type { Http3Message } from './message.ts'

/** Alerts of TLS that say what is wrong with a certificate (RFC 8446, section 6.2), as QUIC counts them (RFC 9001, section 4.8). */
const distrust: ReadonlySet<number> = new Set([42, 43, 44, 45, 46, 48].map((alert) => 0x100 + alert))
/** no_application_protocol */
const noCommonProtocol = 0x178
const startFirst = 'start a server of HTTP/3 there first (npm run stage:3 -- --variant quic), or correct the URL'
const passThrough = 'see whether UDP reaches the server and comes back, or use another --protocol'

/**
 * Opens one connection of HTTP/3 and closes it, at the first of a name's addresses where somebody listens.
 *
 * @throws QpsError QPS_UNREACHABLE where nobody answers over UDP, or the certificate is not trusted; QPS_PROTOCOL where somebody
 *   answers who does not speak HTTP/3; QPS_PART_MISSING where quiche is not installed.
 */
export async function reachHttp3(plan: LoadPlan, message: Http3Message): Promise<TransportTarget> {
  const { host, port, tls } = plan
  for (const address of await addressesOf(plan)) {
    const target: TransportTarget = { address, port, ...(tls && { tls }) }
    if (await isReached(target, plan, message)) return target
  }
  throw unreachable(plan, `nobody listens on the UDP port ${port} of ${host}`, undefined, startFirst)
}

async function addressesOf(plan: LoadPlan): Promise<string[]> {
  const { host } = plan
  if (isIP(host) !== 0) return [host]
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (error) {
    throw unreachable(plan, `the name ${host} is unknown`, error)
  }
}

/** @returns false where nobody listens. */
async function isReached(target: TransportTarget, plan: LoadPlan, message: Http3Message): Promise<boolean> {
  const refusal = new AbortController()
  const knocking = knock(target, () => refusal.abort())
  let ending: Http3Ending | undefined
  const options = { ...clientOptions(target, message), timeoutMs: plan.timeoutS * 1000, signal: refusal.signal }
  try {
    const client = await connectHttp3({ ...options, onEnded: (seen) => (ending ??= seen) })
    await client.close()
    return true
  } catch (error) {
    if (refusal.signal.aborted || isForeign(error)) return false
    throw reasonOf(plan, error, ending)
  } finally {
    knocking[Symbol.dispose]()
  }
}

/** Of a family that this machine has not: another of the name's addresses may do. */
function isForeign(error: unknown): boolean {
  return error instanceof QpsError && error.code === 'QPS_ADDRESS_UNAVAILABLE'
}

function reasonOf(plan: LoadPlan, error: unknown, ending: Http3Ending | undefined): unknown {
  if (!(error instanceof QpsError)) return error
  if (error.code === 'QPS_QUIC_TIMEOUT') {
    const why = `no answer over UDP within ${plan.timeoutS} s`
    return unreachable(plan, why, error, passThrough)
  }
  if (error.code !== 'QPS_QUIC_HANDSHAKE') return error
  const code = ending === undefined || ending.isApp ? -1 : ending.code
  if (code === noCommonProtocol) {
    return new QpsError('QPS_PROTOCOL', `${plan.url} speaks QUIC, and did not take h3`, {
      cause: error,
      hint: 'use the port where the server speaks HTTP/3, or another --protocol',
    })
  }
  return distrust.has(code)
    ? untrusted(plan, error.message, error)
    : unreachable(plan, error.message, error, startFirst)
}
