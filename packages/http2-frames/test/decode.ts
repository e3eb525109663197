import type { HeaderField, HpackDecoder } from '@qps/http2-frames'

/** The fields of a block; what was decoded before a failure, where there is one. */
export function decodeBlock(decoder: HpackDecoder, block: Uint8Array): HeaderField[] {
  const fields: HeaderField[] = []
  decoder.decode(block, 0, block.length, (name, value) => fields.push([name, value]))
  return fields
}
