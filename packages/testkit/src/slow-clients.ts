import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a slow client does wrong. */
export type SlowMode =
  /** Sends one header field a second and never ends the header section. */
  | 'headers'
  /** Announces a body and sends a byte a second. */
  | 'body'
  /** Asks for large answers and reads none of them. */
  | 'reader'
  /** Connects, asks once, reads the answer and then keeps the connection. */
  | 'idle'
  /** Connects and sends nothing at all. */
  | 'silent'

export interface SlowClientsOptions {
  port: number
  mode: SlowMode
  count: number
  /** Stop waiting after this; the connections still open then are counted as held. */
  limitMs: number
  /** Size of the answers that a reader asks for; default 1 MiB, the largest that the surface echoes. */
  answerBytes?: number
  /** Over TLS, whoever the server is; the handshake is not slow. Default false. */
  secure?: boolean
}

export interface SlowClientsResult {
  /** For each connection that the server closed: milliseconds from its request (or from connecting) to the close. */
  closedMs: number[]
  /** Connections still open at the limit. */
  held: number
  /** The first text that a connection received: the answer that it was closed with. */
  firstAnswer: string
}

/** Opens `count` slow connections at once and reports when the server closed each of them. */
export async function slowClients(options: SlowClientsOptions): Promise<SlowClientsResult> {
  const result: SlowClientsResult = { closedMs: [], held: 0, firstAnswer: '' }
  const sockets = Array.from({ length: options.count }, () => open(options, result))
  const endMs = performance.now() + options.limitMs
  while (result.closedMs.length < options.count && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  result.held = options.count - result.closedMs.length
  for (const socket of sockets) socket.destroy()
  return result
}

function open(options: SlowClientsOptions, result: SlowClientsResult): Socket {
  const { port, mode, answerBytes = 1024 * 1024, secure = false } = options
  const at = { port, host: '127.0.0.1', noDelay: true }
  const socket = secure ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at)
  let startMs = performance.now()
  let trickle: NodeJS.Timeout | undefined
  const send = (text: string | Buffer): void => {
    if (socket.writable) socket.write(text)
  }
  socket.on(secure ? 'secureConnect' : 'connect', () => {
    startMs = performance.now()
    if (mode === 'headers') {
      send('GET / HTTP/1.1\r\nHost: slow\r\n')
      trickle = setInterval(() => send('X-Slow: 1\r\n'), 1_000)
    } else if (mode === 'body') {
      send('POST /echo HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n')
      trickle = setInterval(() => send('x'), 1_000)
    } else if (mode === 'reader') {
      // Several answers, so that the buffers of both kernels are full whatever their size.
      const request = `POST /echo HTTP/1.1\r\nHost: slow\r\nContent-Length: ${answerBytes}\r\n\r\n`
      for (let index = 0; index < 8; index++) {
        send(request)
        send(Buffer.alloc(answerBytes))
      }
      // A socket that neither reads nor writes is not told of a reset. An empty line is allowed between requests.
      trickle = setInterval(() => send('\r\n'), 100)
    } else if (mode === 'idle') send('GET / HTTP/1.1\r\nHost: slow\r\n\r\n')
  })
  if (mode === 'reader') socket.pause()
  else socket.on('data', (chunk: Buffer) => (result.firstAnswer ||= chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(trickle)
    result.closedMs.push(performance.now() - startMs)
  })
  return socket
}
