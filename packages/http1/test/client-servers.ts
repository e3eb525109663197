import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Backend, createPoller, probe } from '@qps/netpoll'
import { createDispatcher, type Dispatcher, type DispatcherOptions, type ResponseHandler } from '@qps/http1'

/** The backends that can be used here, and why the others cannot. */
export const backends: Backend[] = (['io_uring', 'epoll', 'libuv'] as const).filter(
  (backend) => probe()[backend] === undefined,
)

/** A server of bytes: it says what the test has it say. */
export interface ByteServer extends AsyncDisposable {
  port: number
  /** All that its clients sent, connection by connection. */
  received: string[]
  sockets: Socket[]
}

/** @param onData called with what a connection has sent so far and has not been taken; returns what it takes, in characters. */
export async function serveBytes(onData: (socket: Socket, text: string, index: number) => number): Promise<ByteServer> {
  const sockets: Socket[] = []
  const received: string[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1
    received.push('')
    let text = ''
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (bytes) => {
      received[index] += bytes.toString('latin1')
      text += bytes.toString('latin1')
      for (let taken = onData(socket, text, index); taken > 0; taken = onData(socket, text, index)) {
        text = text.slice(taken)
        if (text === '') break
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers every whole head (requests without a body) with what `answer` says; `undefined` says nothing. */
export function answering(
  answer: (head: string, socket: Socket, count: number, index: number) => string | undefined,
): (socket: Socket, text: string, index: number) => number {
  const counts: number[] = []
  return (socket, text, index) => {
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return 0
    counts[index] = (counts[index] ?? 0) + 1
    const said = answer(text.slice(0, end), socket, counts[index], index)
    if (said !== undefined && !socket.writableEnded) socket.write(said, 'latin1')
    return end + 4
  }
}

export const ok = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`

/** A dispatcher on a poller of this backend; disposing of it ends both. */
export function dispatcherOn(
  backend: Backend,
  port: number,
  options: Omit<DispatcherOptions, 'origin' | 'poller'> = {},
): AsyncDisposable & { dispatcher: Dispatcher } {
  const poller = createPoller({ backend })
  const dispatcher = createDispatcher({ origin: { port }, poller, sweepMs: 10, ...options })
  return {
    dispatcher,
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy()
      await poller.close()
    },
  }
}

/** Collects what a handler hears, and checks the order. */
export function collect(): { handler: ResponseHandler; outcome: Promise<string> } {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  let state: 'start' | 'body' | 'over' = 'start'
  const expectState = (...states: string[]): void => {
    if (!states.includes(state)) reject(new Error(`called in state ${state}`))
  }
  return {
    outcome: promise,
    handler: {
      onHead(head) {
        expectState('start')
        state = 'body'
        text = `${head.status}:`
      },
      onData(bytes, start, end) {
        expectState('body')
        text += Buffer.from(bytes.subarray(start, end)).toString('latin1')
      },
      onEnd() {
        expectState('body')
        state = 'over'
        resolve(text)
      },
      onError(error) {
        expectState('start', 'body')
        state = 'over'
        resolve(`${text}${error.code}`)
      },
    },
  }
}
