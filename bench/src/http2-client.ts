import { messageOf } from '@qps/core'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { answerBytesMax, answerTimeoutMs } from './exchange.ts'

export interface StreamRequest {
  fields: OutgoingHttpHeaders
  body: Buffer
}

/** One answer of HTTP/2, whole. */
export interface StreamAnswer {
  fields: IncomingHttpHeaders
  /** Undefined where the answer ended without. */
  trailers: IncomingHttpHeaders | undefined
  body: Buffer
}

/**
 * Sends requests over one connection of its own, all of them at once, and waits for what comes of each, for 5 s at most.
 *
 * A certificate is taken as it is: the server was started by us, and is asked over loopback.
 *
 * @returns an answer per request, in their order; in its place why there is none.
 */
export async function askStreams(url: string, requests: readonly StreamRequest[]): Promise<(StreamAnswer | string)[]> {
  const settings = { enablePush: false, initialWindowSize: answerBytesMax }
  const session = connect(url, { settings, rejectUnauthorized: false })
  const lost = Promise.withResolvers<string>()
  session.once('error', (error) => lost.resolve(messageOf(error)))
  session.once('close', () => lost.resolve('the connection was closed'))
  const timer = setTimeout(lost.resolve, answerTimeoutMs, `no whole answer came within ${answerTimeoutMs / 1000} s`)
  try {
    return await Promise.all(requests.map((request) => Promise.race([answerTo(session, request), lost.promise])))
  } finally {
    clearTimeout(timer)
    session.destroy()
  }
}

function answerTo(session: ClientHttp2Session, { fields, body }: StreamRequest): Promise<StreamAnswer | string> {
  return new Promise((resolve) => {
    const hasBody = body.length > 0
    const stream = session.request(fields, { endStream: !hasBody })
    const pieces: Buffer[] = []
    let bytes = 0
    let head: IncomingHttpHeaders | undefined
    let trailers: IncomingHttpHeaders | undefined
    stream.on('response', (received) => (head = received))
    stream.on('trailers', (received) => (trailers = received))
    stream.on('data', (piece: Buffer) => {
      bytes += piece.length
      pieces.push(piece)
      if (bytes > answerBytesMax) stream.destroy(new Error('an answer without end'))
    })
    stream.on('error', (error) => resolve(messageOf(error)))
    stream.on('close', () => {
      if (head === undefined) resolve('the stream ended without an answer')
      else resolve({ fields: head, trailers, body: Buffer.concat(pieces) })
    })
    if (hasBody) stream.end(body)
  })
}
