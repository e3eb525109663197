import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeCall, payloadOf } from '../src/grpc-message.ts'

test('a payload is found again, whatever its length', () => {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(127, 128, 16_383, 16_384).map((length) => new Uint8Array(length).fill(1)),
  )
  fc.assert(
    fc.property(payloads, (bytes) => {
      expect(payloadOf(encodeCall(Buffer.from(bytes)))).toEqual(Buffer.from(bytes))
    }),
  )
})

test.each<[string, Buffer, RegExp]>([
  ['nothing', Buffer.alloc(0), /0 bytes has no message/],
  ['a compressed message', Buffer.from([1, 0, 0, 0, 0]), /compressed/],
  ['a message cut short', encodeCall(Buffer.from('hello')).subarray(0, -1), /6 bytes of message, not the 7/],
  ['two messages', Buffer.concat([encodeCall(Buffer.from('a')), encodeCall(Buffer.from('b'))]), /not the 3/],
  ['another field', Buffer.from([0, 0, 0, 0, 3, 0x12, 1, 0x61]), /not field 1 alone/],
  ['a length that is not its own', Buffer.from([0, 0, 0, 0, 3, 0x0a, 2, 0x61]), /not field 1 alone/],
  ['a length without end', Buffer.from([0, 0, 0, 0, 3, 0x0a, 0xff, 0xff]), /not field 1 alone/],
])('%s is told as such', (_name, body, message) => {
  expect(payloadOf(body)).toMatch(message)
})
