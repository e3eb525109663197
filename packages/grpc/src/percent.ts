/**
 * `grpc-message` on the wire: UTF-8 in which everything but printable ASCII, and the percent sign itself, is written as
 * `%XX`. Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Status-Message".
 */
const unsafe = /[^\x20-\x24\x26-\x7e]/

/** Bytes of a status message on the wire; what is longer is cut, so that trailers fit the peer's header list. */
export const statusMessageBytesMax = 4096

/** @returns ASCII of at most {@link statusMessageBytesMax} bytes; an escape is never cut in two. */
export function encodeStatusMessage(text: string): string {
  if (!unsafe.test(text)) return text.slice(0, statusMessageBytesMax)
  let encoded = ''
  // No character takes less than a byte: what lies behind the limit is not looked at.
  for (const byte of Buffer.from(text.slice(0, statusMessageBytesMax))) {
    const next =
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    if (encoded.length + next.length > statusMessageBytesMax) break
    encoded += next
  }
  return encoded
}

/** The reverse, linear and without an error: an escape that is none stays as it is, as the protocol asks. */
export function decodeStatusMessage(text: string): string {
  if (!text.includes('%')) return text
  const bytes = Buffer.alloc(Buffer.byteLength(text))
  let length = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const escaped = code === 0x25 ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3)) : null
    if (escaped) {
      bytes[length++] = Number.parseInt(escaped[0], 16)
      at += 2
    } else length += bytes.write(text[at]!, length, 'latin1')
  }
  return bytes.toString('utf8', 0, length)
}
