import { type Backend, type Connection, type ConnectionHandler, type Poller, probe } from '@qps/netpoll'
import { connect, type Socket } from 'node:net'

/** The backends that drive sockets by themselves, as far as this machine allows them. */
export const kernelBackends: Backend[] = (['io_uring', 'epoll'] as const).filter((name) => probe()[name] === undefined)

/** Waits until something is so. @throws where it is not so in time. */
export async function until(condition: () => boolean, what: string, limitMs = 5_000): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(1)
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What a connection was told, and its bytes. */
export class Witness implements ConnectionHandler {
  connection!: Connection
  readonly pieces: Buffer[] = []
  opened = false
  ended = false
  closed = 0
  error: NodeJS.ErrnoException | undefined

  onOpen(): void {
    this.opened = true
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)))
  }

  onEnd(): void {
    this.ended = true
    this.connection.end()
  }

  onClose(error: Error | undefined): void {
    this.closed++
    this.error = error
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

/** Sends back what comes, and the end of it. */
export const echo = (connection: Connection): ConnectionHandler => ({
  onData: (bytes, start, end) => void connection.write(bytes.slice(start, end)),
  onEnd: () => connection.end(),
  onClose() {},
})

export function witnessed(poller: Poller, port: number): Witness {
  const witness = new Witness()
  witness.connection = poller.connect({ port }, witness)
  return witness
}

/** A client on node:net, connected. */
export async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await until(() => !socket.connecting, 'the client connects')
  return socket
}

/** Bytes that repeat only after a long while, different for each seed. */
export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = Math.imul(seed + 1, 2_654_435_761)
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[index] = state >>> 24
  }
  return bytes
}
