import { connect } from 'node:net'

const request = 'GET / HTTP/1.1\r\nHost: soak\r\n\r\n'

/** How a client leaves. Each is sent, or not, by somebody out there all the time. */
const ways = ['answered', 'reset', 'half a request', 'unread answers', 'silent', 'half-closed'] as const

/** Clients that come, ask or not, and vanish, next to the load proper. */
export class Churn {
  /** Clients that came. */
  count = 0
  /** Those who waited for their answer and got none. */
  unanswered = 0
  readonly #port: number
  readonly #timer: NodeJS.Timeout

  /** @param everyMs between two clients. */
  constructor(port: number, everyMs: number) {
    this.#port = port
    this.#timer = setInterval(() => this.#visit(), everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #visit(): void {
    const way = ways[this.count++ % ways.length]!
    const socket = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
    let answered = false
    socket.on('error', () => {})
    socket.on('close', () => (this.unanswered += (way === 'answered' || way === 'half-closed') && !answered ? 1 : 0))
    socket.on('end', () => socket.end())
    socket.on('data', () => {
      answered = true
      if (way === 'answered') socket.destroy()
    })
    socket.once('connect', () => {
      if (way === 'answered') socket.write(request)
      else if (way === 'half-closed') socket.end(request)
      else if (way === 'reset') socket.write(request, () => socket.resetAndDestroy())
      else if (way === 'half a request') socket.write(request.slice(0, 20), () => socket.destroy())
      else if (way === 'unread answers') socket.pause().write(request.repeat(500), () => socket.resetAndDestroy())
      else socket.destroy()
    })
  }
}
