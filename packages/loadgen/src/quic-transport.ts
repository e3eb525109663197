import type { Transport } from './transport.ts'

/**
 * What carries HTTP/3, by name. It opens no connections of bytes: what QUIC carries are streams, and sockets, packets and streams
 * are all with the client of @qps/quic.
 */
export function createTransport(): Transport {
  return { name: 'quiche', connect: refuse }
}

function refuse(): never {
  throw new Error('HTTP/3 opens its connections itself')
}
