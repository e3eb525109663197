import { type HttpLimits, httpLimits } from '@qps/http-contract'

/** The bounds of HTTP/3: those of HTTP that mean the same here, and those that only QUIC needs. */
export interface QuicLimits extends Pick<
  HttpLimits,
  | 'headerBytesMax'
  | 'headerFieldsMax'
  | 'bodyBytesMax'
  | 'requestTimeoutMs'
  | 'readerStallMs'
  | 'sliceBytes'
  | 'idleMs'
  | 'connectionsMax'
  | 'connectionsPerAddressMax'
  | 'sweepMs'
  | 'drainGraceMs'
> {
  /** Requests that a client may have open on one connection. Default 100, the least that RFC 9114 section 6.1 recommends. */
  streamsMax: number
  /** Unidirectional streams of a client: it needs three. Default 8. */
  streamsUniMax: number
  /** Streams that a client may reset beyond what `resetsPerS` and answers in order make up for. Default 30. */
  resetsMax: number
  /** Resets forgiven each second: clients do cancel. Default 10. */
  resetsPerS: number
  /** What a client may send on one stream before we have taken it, in bytes. Default 256 KiB. */
  streamWindowBytes: number
  /** And on all streams of a connection together. Default 1 MiB. */
  connectionWindowBytes: number
  /** All bodies that handlers collect, of the whole server; a body beyond is refused with 503. Default 64 MiB. */
  bodiesBytesMax: number
  /** From the first packet to the end of the handshake. Default 5 s. */
  handshakeTimeoutMs: number
  /** Unfinished handshakes; packets that would begin more are dropped. Default 1024. */
  handshakesMax: number
  /**
   * So many of them are begun on a client's word alone. From then on it must first show, by a token that was sent to its address,
   * that it receives there (Retry, RFC 9000 section 8.1.2), for which we remember nothing. 0 asks everybody. Default 64.
   */
  handshakesFreeMax: number
  /** How long such a token is good for. Default 10 s. */
  retryTokenMs: number
  /**
   * Ids that one side keeps of those that the other has given. Each path takes one, and quiche leaves it to paths that are not
   * used any more: a connection can move one time less than this. Default 8.
   */
  idsMax: number
  /** Ids that we ever give to one peer: whoever gives them back gets others, up to here. Default 64. */
  idsGivenMax: number
  /** Bytes of a datagram that we send; the path must carry them whole. Default 1350, less than an Ethernet frame by any tunnel. */
  datagramBytesMax: number
  /** Datagrams that the kernel has not taken yet; nothing more is made until it has. Default 1024. */
  datagramsUnderWayMax: number
  /** A frame of the control stream. Default 1 KiB: SETTINGS are the longest. */
  controlFrameBytesMax: number
}

/** The defaults that servers, clients, documentation and tests use. */
export const quicLimits: Readonly<QuicLimits> = Object.freeze({
  headerBytesMax: httpLimits.headerBytesMax,
  headerFieldsMax: httpLimits.headerFieldsMax,
  bodyBytesMax: httpLimits.bodyBytesMax,
  requestTimeoutMs: httpLimits.requestTimeoutMs,
  readerStallMs: httpLimits.readerStallMs,
  sliceBytes: httpLimits.sliceBytes,
  idleMs: httpLimits.idleMs,
  connectionsMax: httpLimits.connectionsMax,
  connectionsPerAddressMax: httpLimits.connectionsPerAddressMax,
  sweepMs: httpLimits.sweepMs,
  drainGraceMs: httpLimits.drainGraceMs,
  streamsMax: 100,
  streamsUniMax: 8,
  resetsMax: 30,
  resetsPerS: 10,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  bodiesBytesMax: 64 * 1024 * 1024,
  handshakeTimeoutMs: 5_000,
  handshakesMax: 1024,
  handshakesFreeMax: 64,
  retryTokenMs: 10_000,
  idsMax: 8,
  idsGivenMax: 64,
  datagramBytesMax: 1350,
  datagramsUnderWayMax: 1024,
  controlFrameBytesMax: 1024,
})
