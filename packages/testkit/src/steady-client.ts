import { connect } from 'node:net'
import { answerEnd } from './answer-end.ts'

export interface SteadyResult {
  /** Complete answers with status 200. */
  answered: number
  /** Requests that were sent and got no complete answer, or another status: what a shutdown may not cause. */
  lost: number
  /** Answers that said `Connection: close`. */
  toldToClose: number
}

export interface SteadyClients {
  /** Ends when the server takes no more connections. */
  done: Promise<SteadyResult>
}

/**
 * Keep-alive clients in a closed loop that do what HTTP/1.1 asks of them: one request at a time, a new connection after
 * `Connection: close`, and the end once connecting is refused, which loses nothing because nothing was sent.
 *
 * @param thinkMs pause between an answer and the next request; default 0.
 */
export function startSteadyClients(port: number, count: number, thinkMs = 0): SteadyClients {
  const result: SteadyResult = { answered: 0, lost: 0, toldToClose: 0 }
  const clients = Array.from({ length: count }, () => runClient(port, thinkMs, result))
  return { done: Promise.all(clients).then(() => result) }
}

async function runClient(port: number, thinkMs: number, result: SteadyResult): Promise<void> {
  while (await runConnection(port, thinkMs, result));
}

/** @returns false once connecting is refused. */
function runConnection(port: number, thinkMs: number, result: SteadyResult): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    let connected = false
    let waiting = false
    const ask = (): void => {
      if (!socket.writable) return
      waiting = true
      socket.write('GET / HTTP/1.1\r\nHost: steady\r\n\r\n')
    }
    socket.on('connect', () => {
      connected = true
      ask()
    })
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (answerEnd(received) === -1) return
      waiting = false
      if (received.startsWith('HTTP/1.1 200 ')) result.answered++
      else result.lost++
      const close = /\r\nconnection: close\r\n/i.test(received)
      received = ''
      if (close) {
        result.toldToClose++
        socket.end()
      } else if (thinkMs === 0) ask()
      else setTimeout(ask, thinkMs)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (waiting) result.lost++
      resolve(connected)
    })
  })
}
