/** Frame types: RFC 9113, section 6. */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const

/** Flags; what a bit means depends on the type. RFC 9113, section 6. */
export const frameFlag = { none: 0, ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Settings: RFC 9113, section 6.5.2. */
export const setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const

/** Error codes: RFC 9113, section 7. The index is the code. */
export const errorNames: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]

/** The error codes that somebody here sends or looks for. */
export const errorCode = {
  noError: 0x0,
  protocolError: 0x1,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const

/** Bytes in front of every payload: RFC 9113, section 4.1. */
export const frameHeadBytes = 9

/** What holds until the peer's SETTINGS say otherwise, and the bounds of what they may say: RFC 9113, section 6.5.2. */
export const protocolDefaults = {
  headerTableBytes: 4096,
  initialWindowBytes: 65_535,
  maxFrameBytes: 16_384,
} as const
/** A window, a setting of one, and an increment are at most 2^31-1: RFC 9113, section 6.9.1. */
export const windowBytesMax = 0x7fff_ffff
/** RFC 9113, section 4.2. */
export const frameBytesMax = 0xff_ffff
/** A connection has no further stream of ours after this one: RFC 9113, section 5.1.1. */
export const streamIdMax = 0x7fff_ffff

/** What a client sends first, before its SETTINGS: RFC 9113, section 3.4. */
export const connectionPreface: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Why the input ends a connection: the code that a GOAWAY would carry, and a sentence for people. */
export interface ProtocolFailure {
  code: number
  what: string
}
