// Questions about bytes, answered without decoding them.
export { byteTable, equalsAscii, equalsIgnoringCase, findByte, isAscii } from './ascii.ts'
export { parseDecimal, parseHex } from './parse-number.ts'
export { latin1Text, type TextEncoding, utf8Text } from './decode.ts'
// Reading: a cursor, fields as offsets, strings when somebody asks.
export { ByteReader } from './byte-reader.ts'
export { LateText } from './late-text.ts'
// The same string again for the same bytes.
export { InternTable, type InternStats } from './intern-table.ts'
export { keyedHash } from './keyed-hash.ts'
// Writing in place: each returns the position behind what it wrote, or -1.
export { decimalBytes, fixedBytes, hexBytes, writeDecimal, writeFixed, writeHex } from './write-number.ts'
export { latin1Bytes, utf8Bytes, writeLatin1, writeUtf8 } from './write-text.ts'
export { jsonStringBytes, writeJsonString } from './write-json.ts'
export { ByteWriter } from './byte-writer.ts'
export { Parts } from './parts.ts'
// What a view keeps alive.
export { detach, detachText, type Retention, retention } from './retention.ts'
export { type HeldSlab, type HeldView, type RetentionReport, RetentionWatch } from './retention-watch.ts'
// Bounds and their defaults.
export {
  internDefaults,
  type InternOptions,
  partsDefaults,
  type PartsOptions,
  watchDefaults,
  type WatchOptions,
} from './options.ts'
