import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

const empty: Buffer = Buffer.alloc(0)

/**
 * Reads a request's whole body and calls `done` once: with the body, or with undefined as soon as it is longer than
 * `bytesMax`. What was read until then is let go and the rest stays unread. Never calls `done` for a request whose
 * client went away: nobody is left to answer.
 *
 * @param bytesMax bytes that may be held in memory for this request.
 */
export function readBody(request: IncomingMessage, bytesMax: number, done: (body: Buffer | undefined) => void): void {
  const { headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return done(empty)
  let chunks: Buffer[] = []
  let bytes = 0
  const take = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes <= bytesMax) {
      chunks.push(chunk)
      return
    }
    chunks = []
    request.off('data', take).off('end', finish).pause()
    done(undefined)
  }
  const finish = (): void => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes))
  request.on('data', take).on('end', finish).on('error', ignore)
}

/** A client that leaves in the middle of its body makes an 'error', which is no failure of the server's. */
function ignore(): void {}

/**
 * A body as a stream of slices, so that a pipe writes the next one when the last was taken. A single large write stays
 * "waiting" in full until its last byte is taken, and a slow reader could not be told from a dead one.
 */
export function sliced(body: Buffer, sliceBytes: number): Readable {
  let offset = 0
  return new Readable({
    highWaterMark: sliceBytes,
    read() {
      if (offset >= body.length) return void this.push(null)
      this.push(body.subarray(offset, (offset += sliceBytes)))
    },
  })
}
