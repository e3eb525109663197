// Frames: one direction of a connection, from bytes and to bytes.
export { FrameReader, type FrameReaderOptions } from './frame-reader.ts'
export {
  headersBytes,
  writeData,
  writeFrameHead,
  writeGoaway,
  writeHeaders,
  writePingAck,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from './frame-writer.ts'
export { readSettings } from './settings.ts'
export { frameName } from './frame-rules.ts'
export { readUint31, readUint32, writeUint32 } from './numbers.ts'
// Header compression.
export { type FieldSink, HpackDecoder, type HpackDecoderOptions } from './hpack/decoder.ts'
export { HpackEncoder, type HpackEncoderOptions } from './hpack/encoder.ts'
export { type HeaderField, staticTable } from './hpack/static-table.ts'
export { decodedBytesMax, decodeHuffman, encodeHuffman, huffmanBytes } from './hpack/huffman.ts'
// The protocol's numbers, and our bounds.
export {
  connectionPreface,
  errorCode,
  errorNames,
  frameBytesMax,
  frameFlag,
  frameHeadBytes,
  frameType,
  protocolDefaults,
  type ProtocolFailure,
  setting,
  streamIdMax,
  windowBytesMax,
} from './protocol.ts'
export { continuationsMax, headerBlockBytesMax } from './header-block.ts'
export { headerListBytesMax, headerTableBytesMax } from './hpack/decoder.ts'
