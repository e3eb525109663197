import { createTransport as createNetTransport } from '../src/net-transport.ts'
import type { Transport } from '../src/transport.ts'

/** The transport over node:net with every read handed over in two pieces: what a different transport might do. */
export function createTransport(): Transport {
  const net = createNetTransport()
  return {
    connect: (target, handler) =>
      net.connect(target, {
        onConnect: () => handler.onConnect(),
        onClose: (error) => handler.onClose(error),
        onData(bytes, length) {
          const half = length >> 1
          if (half > 0) handler.onData(bytes, half)
          handler.onData(bytes.subarray(half), length - half)
        },
      }),
  }
}
