import { type StageProcess, startStage } from '@qps/testkit'
import type { Facet, Likeness } from './likeness.ts'

/** A server of HTTP/2 that the rows of the security table are tried on. */
export interface Http2Variant {
  variant: string
  /** Its name among the endpoints. */
  endpoint: string
  /** A method of gRPC, or undefined where it answers `GET /`. */
  call: string | undefined
  /** Whether the rows hold. grpc-js shows its own bounds instead. */
  hardened: boolean
  /** Whether it is spoken over TLS. */
  secure: boolean
  /** Where it runs the very code of another one. */
  like?: Likeness
  /** Its name in a test's. */
  name: string
}

const call = '/qps.v1.Workload/Echo'
const variants: readonly Http2Variant[] = [
  { variant: 'http2', endpoint: 'h2', call: undefined, hardened: true, secure: false },
  { variant: 'grpc-raw', endpoint: 'grpc', call, hardened: true, secure: false },
  { variant: 'http2-netpoll', endpoint: 'h2', call: undefined, hardened: true, secure: false },
  { variant: 'grpc-netpoll', endpoint: 'grpc', call, hardened: true, secure: false },
  { variant: 'grpc', endpoint: 'grpc', call, hardened: false, secure: false },
  {
    variant: 'tls',
    endpoint: 'tls',
    call: undefined,
    hardened: true,
    secure: true,
    like: {
      to: 'http2',
      in: ['messages'],
      because: 'sessions and handlers are the same; the sockets below are not, and whose memory they write is tried',
    },
  },
  {
    variant: 'tls',
    endpoint: 'grpc',
    call,
    hardened: true,
    secure: true,
    like: {
      to: 'grpc-raw',
      in: ['messages', 'memory'],
      because: 'service and streams are the same, and the sockets below are those of the endpoint tls',
    },
  },
].map((each) => ({ ...each, name: each.secure ? `${each.variant} ${each.endpoint}` : each.variant }) as Http2Variant)

export const allHttp2Variants: readonly Http2Variant[] = variants
export const hardenedHttp2Variants: readonly Http2Variant[] = variants.filter(({ hardened }) => hardened)

/** Of all, those that a row is tried on which tries this facet: each implementation once. */
export function http2WithOwn(facet: Facet): readonly Http2Variant[] {
  return variants.filter(({ like }) => like === undefined || !like.in.includes(facet))
}

/** Of {@link http2WithOwn}, those on which the rows hold. */
export function hardenedHttp2WithOwn(facet: Facet): readonly Http2Variant[] {
  return http2WithOwn(facet).filter(({ hardened }) => hardened)
}

/** Starts a variant as a process of its own. `http2Port` is where it speaks HTTP/2. */
export async function startHttp2({ variant, endpoint }: Http2Variant): Promise<StageProcess & { http2Port: number }> {
  const stage = await startStage('03-http2-grpc', ['--variant', variant])
  const address = (stage.events[0]!['endpoints'] as Record<string, string>)[endpoint]!
  return Object.assign(stage, { http2Port: Number(address.slice(address.lastIndexOf(':') + 1)) })
}
