/*
 * A message of gRPC whose field 1 holds bytes, and nothing else: all that the workload's unary calls send. Taken apart by
 * hand, so that an arm is not checked by the code that it is made of.
 *
 * Sources: gRPC over HTTP2, in the documentation of grpc/grpc; Protocol Buffers, Encoding.
 */

/** Field 1 of the type that is a length and bytes. */
const payloadTag = 0x0a
/** Whether it is compressed, and its length. */
const headBytes = 5

/** One message as it stands in a body. An empty payload is left out of it. */
export function encodeCall(payload: Buffer): Buffer {
  const message = payload.length === 0 ? payload : Buffer.concat([lengthPrefix(payload.length), payload])
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** The payload of the one message in a body; in its place what is wrong. */
export function payloadOf(body: Buffer): Buffer | string {
  if (body.length < headBytes) return `a body of ${body.length} bytes has no message`
  if (body[0] !== 0) return 'a compressed message, which nobody asked for'
  const message = body.subarray(headBytes)
  if (body.readUInt32BE(1) !== message.length) {
    return `${message.length} bytes of message, not the ${body.readUInt32BE(1)} that were announced`
  }
  if (message.length === 0) return message
  let length = 0
  let at = 1
  for (let shift = 0; at < message.length && shift < 35; shift += 7) {
    const byte = message[at++]!
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (message[0] !== payloadTag || length !== message.length - at) return 'a message that is not field 1 alone'
  return message.subarray(at)
}

function lengthPrefix(length: number): Buffer {
  const bytes = [payloadTag]
  let rest = length
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}
