// Whether QUIC is here
export { quicAvailability } from './binding/load.ts'

// Limits
export { type QuicLimits, quicLimits } from './limits.ts'

// Serving
export { type RunningHttp3, serveHttp3, type ServeHttp3Options } from './server/serve.ts'
export type { Http3Handler, Http3Refusal, Http3Server } from './server/http3-server.ts'
export type { Exchange } from './server/exchange.ts'
export { surfaceHandler } from './surface.ts'

// Asking
export { connectHttp3, type ConnectHttp3Options } from './client/connect.ts'
export type { Http3Client } from './client/http3-client.ts'
export type { Http3Ending } from './client/ending.ts'
export type { Http3Request, Http3Response } from './client/client-exchange.ts'

// Moving
export type { PathEvent } from './transport/path-event.ts'
export type { HostPort } from './binding/quiche.ts'

// HTTP/3 as bytes, without a connection
export { FrameReader, type FrameSink, type FrameUse } from './h3/frame-reader.ts'
export { dataHead, goawayFrame, headersFrame } from './h3/frame-writer.ts'
export { type DecodedFields, decodeFields } from './qpack/decoder.ts'
export { encodeFields, fieldsBytesMax } from './qpack/encoder.ts'
export { type Field, staticTable } from './qpack/static-table.ts'
export { errorCode, errorName, frameType, setting, streamType } from './h3/codes.ts'
export { Http3Failure } from './h3/failure.ts'
export { readSettings, settingsPayload, type Http3Settings } from './h3/settings.ts'
export { MessageReader, type MessageBounds, type MessageSink } from './h3/message-reader.ts'
export { PeerStreams } from './h3/peer-streams.ts'
export { readRequestHead, readResponseHead, type RequestHead, type ResponseHead } from './h3/fields.ts'
export { readVarint, varintBytes, varintLength, writeVarint } from './varint.ts'
