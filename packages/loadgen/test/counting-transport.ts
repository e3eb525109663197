import { createTransport as createNetTransport } from '../src/net-transport.ts'
import type { Transport } from '../src/transport.ts'

/** The transport over node:net with every read handed over in two pieces: what a different transport might do. */
export function createTransport(): Transport {
  const net = createNetTransport()
  return {
    name: 'counting',
    connect: (target, handler) =>
      net.connect(target, {
        onConnect: () => handler.onConnect(),
        onClose: (error) => handler.onClose(error),
        onData(bytes, start, end) {
          const middle = (start + end) >> 1
          if (middle > start) handler.onData(bytes, start, middle)
          handler.onData(bytes, middle, end)
        },
      }),
  }
}
