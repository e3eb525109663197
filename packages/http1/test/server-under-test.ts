import { connect, type Socket } from 'node:net'
import { type Handler, serve, type ServeOptions, type Serving } from '@qps/http1'
import { type Backend, probe } from '@qps/netpoll'

/** What this machine allows; the rest is skipped where `surface.test.ts` says why. */
export const backends: readonly Backend[] = (['io_uring', 'epoll', 'libuv'] as const).filter(
  (backend) => probe()[backend] === undefined,
)

/** Serves until the end of the test; nothing of it is drained for longer than it takes. */
export async function start(
  backend: Backend,
  handler: Handler,
  options: Omit<ServeOptions, 'backend'> = {},
): Promise<Serving> {
  const address = options.path === undefined ? { port: 0 } : {}
  const serving = await serve({ ...address, backend, ...options }, handler)
  return { ...serving, [Symbol.asyncDispose]: async () => void (await serving.drain(0)) }
}

/** A client that sends and reads when it is told to. */
export class Client implements Disposable {
  readonly socket: Socket
  text = ''
  ended = false
  #changed: () => void = () => {}

  /** @param to a server, a port, or a unix socket's path. */
  constructor(to: Serving | number | string) {
    const port = typeof to === 'object' ? to.port : Number(to)
    const target = typeof to === 'string' ? { path: to } : { port, host: '127.0.0.1' }
    this.socket = connect({ ...target, allowHalfOpen: true, noDelay: true })
    this.socket.on('data', (piece: Buffer) => {
      this.text += piece.toString('latin1')
      this.#changed()
    })
    for (const event of ['end', 'error', 'close'] as const) {
      this.socket.on(event, () => {
        this.ended = true
        this.#changed()
      })
    }
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** Resolves with everything received when it satisfies this, or when the server has closed. */
  async until(enough: (text: string) => boolean = () => false): Promise<string> {
    while (!this.ended && !enough(this.text)) await new Promise<void>((resolve) => (this.#changed = resolve))
    return this.text
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** Sends, and resolves with everything that comes until the server closes. */
export async function exchange(serving: Serving, bytes: string | Uint8Array): Promise<string> {
  using client = new Client(serving)
  return await client.send(bytes).until()
}

export const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
export const last = (path: string): string => get(path, 'Connection: close\r\n')

/** The bodies of answers with Content-Length, in order. */
export function bodies(text: string): string[] {
  const found: string[] = []
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at) + 4
    const length = Number(/content-length: (\d+)/i.exec(text.slice(at, end))?.[1] ?? 0)
    found.push(text.slice(end, end + length))
    at = end + length
  }
  return found
}

/** Resolves when it holds; the test's own timeout is the bound. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}
