import { describe, QpsError } from '@qps/core'
import type { LoadOptions, LoadPlan } from './options.ts'
import type { Protocol } from './protocol.ts'

/** @throws QpsError QPS_OPTION for what is no URL of HTTP, and for `http://` where there is TLS in any case. */
export function checkUrl(text: unknown, protocol: unknown): URL {
  const url = typeof text === 'string' ? URL.parse(text) : null
  if (url === null) {
    throw new QpsError('QPS_OPTION', `url must be an http:// or https:// URL, not ${describe(text)}`, {
      hint: 'for example http://127.0.0.1:8080/',
    })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const why = 'the load generator speaks HTTP only'
    throw new QpsError('QPS_OPTION', `url must begin with http:// or https://, not ${describe(url.protocol)}: ${why}`, {
      hint: 'for example http://127.0.0.1:8080/',
    })
  }
  if (url.username !== '' || url.password !== '') {
    throw new QpsError('QPS_OPTION', 'url must not hold a user name or a password: they would appear in results', {
      hint: 'send an Authorization header instead',
    })
  }
  if (protocol === 'h3' && url.protocol === 'http:') {
    throw new QpsError('QPS_OPTION', 'url must begin with https:// with h3: QUIC is never without TLS', {
      hint: 'for example https://127.0.0.1:8081/',
    })
  }
  return url
}

/** What carries a protocol over TLS. */
export function usualSecureTransport(protocol: Protocol | undefined): string {
  return protocol === 'h3' ? 'quic' : 'tls'
}

/** What is said of TLS must be meant for it, and the transport must be able to. @throws QpsError QPS_OPTION. */
export function checkTransport({ tls, transport }: LoadPlan, { ca, insecure, protocol }: LoadOptions): void {
  if (tls === undefined && (ca !== undefined || insecure === true || transport === 'tls')) {
    throw new QpsError('QPS_OPTION', 'ca, insecure and the transport tls are for https:// only', {
      hint: 'leave them out, or correct the URL',
    })
  }
  if ((protocol === 'h3') !== (transport === 'quic')) {
    throw new QpsError('QPS_OPTION', 'h3 and the transport quic go together, and neither with anything else', {
      hint: 'leave the transport out',
    })
  }
  if (tls !== undefined && (transport === 'net' || transport === 'netpoll')) {
    throw new QpsError('QPS_OPTION', `the transport ${transport} has no TLS`, { hint: 'leave it out with https://' })
  }
}
