import type { Access } from './scenario.ts'

/** Where an arm says that it listens. */
export interface Announcement {
  /** With a trailing slash. */
  url: string
  /** Where a stage shows its metrics. */
  admin?: string | undefined
  /** Addresses of a stage's further protocols, `{ grpc: '127.0.0.1:50051' }`. Undefined: the one address is for all that it speaks. */
  endpoints: Readonly<Record<string, unknown>> | undefined
}

/**
 * What one line of an arm's standard output announces: the `listening` event of a stage, or the plain `listening PORT` of a
 * peer. Any other line gives undefined.
 */
export function announced(line: string): Announcement | undefined {
  const port = /^listening (\d{1,5})$/.exec(line.trim())?.[1]
  if (port !== undefined) return { url: `http://127.0.0.1:${port}/`, endpoints: undefined }
  if (!line.startsWith('{')) return undefined
  try {
    const { event, url, endpoints, admin } = JSON.parse(line) as Record<'event' | 'url' | 'admin', unknown> & {
      endpoints?: object
    }
    if (event !== 'listening' || typeof url !== 'string') return undefined
    return { url: new URL(url).href, endpoints: { ...endpoints }, admin: typeof admin === 'string' ? admin : undefined }
  } catch {
    return undefined
  }
}

/**
 * Where an arm is to be asked.
 *
 * @returns a URL with a trailing slash, `https:` behind TLS.
 * @throws Error where it has no such endpoint, with those that it has.
 */
export function urlFor({ url, endpoints }: Announcement, access: Access): string {
  const name = endpointOf(access)
  if (endpoints === undefined) return isSecure(access) ? url.replace(/^http:/, 'https:') : url
  if (name === undefined) return url
  const address = endpoints[name]
  if (typeof address === 'string') return `${isSecure(access) ? 'https' : 'http'}://${address}/`
  throw new Error(`has no endpoint ${name}, only ${['its url', ...Object.keys(endpoints)].join(', ')}`)
}

/** QUIC is never without TLS. */
function isSecure({ protocol, tls = false }: Access): boolean {
  return tls || protocol === 'h3'
}

/**
 * A stage's name for it; undefined for its `url`. HTTP over TCP shares one secure port, where ALPN chooses; gRPC and HTTP/3 have
 * their own.
 */
function endpointOf({ protocol = 'h1', tls = false }: Access): string | undefined {
  if (protocol === 'grpc') return 'grpc'
  if (protocol === 'h3') return 'quic'
  if (tls) return 'tls'
  return protocol === 'h1' ? undefined : protocol
}
