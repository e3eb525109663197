import type { HttpProblem } from '@qps/http-contract'

const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether it does no harm to answer such a request twice: whoever has recorded the first datagram of a client that came again
 * can send it as often as they like. RFC 8470, section 2.
 */
export function isRepeatable(method: string): boolean {
  return repeatable.has(method)
}

/** For a request that came too early; the same one is answered behind the handshake. RFC 8470, section 5.2. */
export const tooEarly: HttpProblem = {
  status: 425,
  code: 'too_early',
  message: 'this method is taken behind the handshake only; ask again',
}
