/** Frame types: RFC 9114, section 7.2. */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  cancelPush: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  goaway: 0x7,
  maxPushId: 0xd,
} as const

/** HTTP/2's frames without a meaning here; they are errors, not extensions: RFC 9114, section 7.2.8. */
export const reservedFrameTypes: ReadonlySet<number> = new Set([0x2, 0x6, 0x8, 0x9])

/** What a unidirectional stream begins with: RFC 9114, section 6.2; RFC 9204, section 4.2. */
export const streamType = { control: 0x0, push: 0x1, qpackEncoder: 0x2, qpackDecoder: 0x3 } as const

/** RFC 9114, section 7.2.4.1; RFC 9204, section 5. */
export const setting = { qpackTableBytesMax: 0x1, fieldSectionBytesMax: 0x6, qpackBlockedStreams: 0x7 } as const

/** HTTP/2's settings without a meaning here: RFC 9114, section 7.2.4.1. */
export const reservedSettings: ReadonlySet<number> = new Set([0x0, 0x2, 0x3, 0x4, 0x5])

/** RFC 9114, section 8.1; RFC 9204, section 6. */
export const errorCode = {
  noError: 0x100,
  generalProtocolError: 0x101,
  internalError: 0x102,
  streamCreationError: 0x103,
  closedCriticalStream: 0x104,
  frameUnexpected: 0x105,
  frameError: 0x106,
  excessiveLoad: 0x107,
  idError: 0x108,
  settingsError: 0x109,
  missingSettings: 0x10a,
  requestRejected: 0x10b,
  requestCancelled: 0x10c,
  requestIncomplete: 0x10d,
  messageError: 0x10e,
  connectError: 0x10f,
  versionFallback: 0x110,
  qpackDecompressionFailed: 0x200,
  qpackEncoderStreamError: 0x201,
  qpackDecoderStreamError: 0x202,
} as const

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(errorCode).map(([name, code]) => {
    const words = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
    return [code, words.startsWith('QPACK') ? words : `H3_${words}`]
  }),
)

/** `H3_REQUEST_REJECTED`, or the number where it has no name here. */
export function errorName(code: number): string {
  return names.get(code) ?? `0x${code.toString(16)}`
}

/**
 * Larger than any request's stream: what a server's first GOAWAY names (RFC 9114, section 5.2). The protocol's own largest is
 * 2^62 - 4, and this the next below it that a number holds exactly.
 */
export const lastRequestId: number = 2 ** 62 - 512
