import { QpsError } from '@qps/core'

/** One message of the protocol, as JSON. A reader that is sent a longer one ends the connection. */
export const frameBytesMax = 65_536
const lengthBytes = 4

/** A message as bytes: its length in four bytes, big-endian, then its JSON. */
export function frame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message))
  if (text.length > frameBytesMax) {
    throw new QpsError('QPS_MESSAGE_BYTES', `a message of ${text.length} bytes does not fit into ${frameBytesMax}`, {
      hint: 'send a reference to the data instead of the data',
    })
  }
  const bytes = Buffer.allocUnsafe(lengthBytes + text.length)
  bytes.writeUInt32BE(text.length)
  text.copy(bytes, lengthBytes)
  return bytes
}

/** Makes messages of bytes again, however these are cut. It holds less than one frame and one piece. */
export class FrameReader {
  #pieces: Buffer[] = []
  #length = 0

  /**
   * @returns the messages that are complete now.
   * @throws QpsError QPS_MESSAGE_BYTES for a length beyond the bound; SyntaxError for what is no JSON.
   */
  push(piece: Buffer): unknown[] {
    this.#pieces.push(piece)
    this.#length += piece.length
    const messages: unknown[] = []
    if (this.#length < lengthBytes) return messages
    // Joined once for each piece of a frame at most, and frames are short.
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces)
    let at = 0
    while (bytes.length - at >= lengthBytes) {
      const end = at + lengthBytes + checkedLength(bytes.readUInt32BE(at))
      if (end > bytes.length) break
      messages.push(JSON.parse(bytes.toString('utf8', at + lengthBytes, end)))
      at = end
    }
    const rest = bytes.subarray(at)
    this.#pieces = rest.length === 0 ? [] : [rest]
    this.#length = rest.length
    return messages
  }
}

function checkedLength(length: number): number {
  if (length <= frameBytesMax) return length
  throw new QpsError('QPS_MESSAGE_BYTES', `a message of ${length} bytes was announced, ${frameBytesMax} are allowed`)
}
