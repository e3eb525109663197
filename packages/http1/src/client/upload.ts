import type { ClientConnection } from './connection.ts'
import { bodyError } from './errors.ts'
import type { Exchange } from './exchange.ts'

const lineEnd = Buffer.from('\r\n', 'latin1')
const lastChunk = Buffer.from('0\r\n\r\n', 'latin1')

/**
 * Sends pieces in chunks as they are made, no faster than the server takes them. Ends early when the connection is over or
 * the request was given up, and then ends the iterator too.
 */
export async function upload(
  exchange: Exchange,
  pieces: AsyncIterable<Uint8Array | string>,
  connection: ClientConnection,
): Promise<void> {
  const { output } = connection
  exchange.uploading = true
  try {
    for await (const piece of pieces) {
      if (connection.over) return
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      // A chunk of no bytes would be the last one.
      if (bytes.length === 0) continue
      output.write(Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'))
      output.write(bytes)
      if (!output.write(lineEnd)) await connection.drained()
    }
    exchange.uploading = false
    if (!connection.over) output.write(lastChunk)
  } catch (error) {
    connection.uploadFailed(exchange, bodyError(error))
  }
}
