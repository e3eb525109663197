import { errorCode, frameFlag, frameType, type ProtocolFailure } from './protocol.ts'

const onConnection = 0
const onStream = 1
const onEither = 2

/** What RFC 9113, section 6, says of a type's stream identifier and of its payload's length. */
interface Rule {
  name: string
  stream: typeof onConnection | typeof onStream | typeof onEither
  bytesMin: number
  /** Absent: only the largest frame is the limit. */
  bytesMax?: number
  /** The length is a multiple of this. */
  unitBytes?: number
}

/** The index is the type. */
const rules: readonly Rule[] = [
  { name: 'DATA', stream: onStream, bytesMin: 0 },
  { name: 'HEADERS', stream: onStream, bytesMin: 0 },
  { name: 'PRIORITY', stream: onStream, bytesMin: 5, bytesMax: 5 },
  { name: 'RST_STREAM', stream: onStream, bytesMin: 4, bytesMax: 4 },
  { name: 'SETTINGS', stream: onConnection, bytesMin: 0, unitBytes: 6 },
  { name: 'PUSH_PROMISE', stream: onStream, bytesMin: 4 },
  { name: 'PING', stream: onConnection, bytesMin: 8, bytesMax: 8 },
  { name: 'GOAWAY', stream: onConnection, bytesMin: 8 },
  { name: 'WINDOW_UPDATE', stream: onEither, bytesMin: 4, bytesMax: 4 },
  { name: 'CONTINUATION', stream: onStream, bytesMin: 0 },
]

/** A frame's type as people write it. */
export function frameName(type: number): string {
  return rules[type]?.name ?? `of type ${type}`
}

/**
 * Checks what a frame's head alone says: its length and its stream. Types that nobody knows pass (RFC 9113, section 5.5).
 *
 * PUSH_PROMISE is refused: whoever reads with this has never allowed it, or is a server (section 8.4).
 */
export function refusalOf(type: number, flags: number, streamId: number, bytes: number): ProtocolFailure | undefined {
  const rule = rules[type]
  if (rule === undefined) return undefined
  const { name, stream, bytesMin, bytesMax = Infinity, unitBytes = 1 } = rule
  if (type === frameType.pushPromise) return protocolError('PUSH_PROMISE, which was not allowed')
  if (stream === onConnection && streamId !== 0) return protocolError(`${name} on stream ${streamId}, not on 0`)
  if (stream === onStream && streamId === 0) return protocolError(`${name} on stream 0`)
  const isAck = type === frameType.settings && (flags & frameFlag.ack) !== 0
  if (bytes < bytesMin || bytes > bytesMax || bytes % unitBytes !== 0 || (isAck && bytes > 0)) {
    return { code: errorCode.frameSizeError, what: `${name} of ${bytes} bytes` }
  }
  return undefined
}

export function protocolError(what: string): ProtocolFailure {
  return { code: errorCode.protocolError, what }
}
