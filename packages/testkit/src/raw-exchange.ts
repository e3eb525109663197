import { connect, type Socket } from 'node:net'

export interface RawExchangeOptions {
  /** Stop waiting after this; default 3000. */
  timeoutMs?: number
  /** Stop waiting sooner, as soon as the text received so far satisfies this. */
  until?: (text: string) => boolean
  /** Pause between the pieces that are written; default 0, which still makes each a write of its own. */
  pauseMs?: number
  /** Do not read at all before everything is written: what a client does that sends first and looks later. */
  readAfterWrite?: boolean
}

export interface RawExchange {
  /** Everything received, as latin1, so that one character is one byte. */
  text: string
  /** How the server left the connection: in order, by a reset, or not at all within the time. */
  closed: 'end' | 'reset' | 'open'
  /** From connecting to the close, or to the end of waiting. */
  ms: number
}

/**
 * Sends bytes and collects what comes back until the server closes, `until` holds or the time is over.
 *
 * @param bytes one piece, or several that are written one after the other.
 * @example const { text, closed } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
 */
export async function rawExchange(
  port: number,
  bytes: string | Uint8Array | readonly (string | Uint8Array)[],
  options: RawExchangeOptions = {},
): Promise<RawExchange> {
  const { timeoutMs = 3_000, until, pauseMs = 0, readAfterWrite = false } = options
  const startMs = performance.now()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const pieces = typeof bytes === 'string' || bytes instanceof Uint8Array ? [bytes] : bytes
  let text = ''
  try {
    const closed = await new Promise<RawExchange['closed']>((resolve) => {
      const timer = setTimeout(() => resolve('open'), timeoutMs)
      timer.unref()
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (until?.(text)) resolve('open')
      })
      socket.on('end', () => resolve('end'))
      socket.on('error', () => resolve('reset'))
      if (readAfterWrite) socket.pause()
      void writeAll(socket, pieces, pauseMs).then(() => readAfterWrite && socket.resume())
    })
    return { text, closed, ms: performance.now() - startMs }
  } finally {
    socket.destroy()
  }
}

async function writeAll(socket: Socket, pieces: readonly (string | Uint8Array)[], pauseMs: number): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** The status codes of all answers in a text, in order: `[200, 400]`. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}
