/**
 * Every bound of the HTTP layer, in one place: sizes in bytes, times in milliseconds, ratios 0..1.
 *
 * Where a time is enforced by the sweep it has a tolerance of two sweeps (`sweepMs`), always to the early side, so
 * that "closed within 10 s" holds for the client.
 */
export interface HttpLimits {
  /** Request line and header fields together; beyond: 431. Default 16 KiB, Node's own. */
  headerBytesMax: number
  /** Header fields of one request; beyond: 431. Default 100, Apache's `LimitRequestFields`. */
  headerFieldsMax: number
  /** Body of one request; beyond: 413 before it is buffered. Default 1 MiB, nginx's `client_max_body_size`. */
  bodyBytesMax: number
  /** From the first byte of a request (or the connection's opening) to the end of its header section. Default 5 s. */
  headersTimeoutMs: number
  /** From the first byte of a request to the end of its body. Default 10 s. */
  requestTimeoutMs: number
  /** A body may come as slowly as it likes for this long. Default 5 s. */
  bodyGraceMs: number
  /** From then on this is the least rate, measured since the header section. Default 500 bytes a second. */
  bodyBytesPerSMin: number
  /** Output may wait for the client this long without any of it being taken. Default 10 s. */
  readerStallMs: number
  /**
   * A large answer is written in slices, the next when the last is taken: only that makes progress visible. Together
   * with `readerStallMs` this is the least drain rate: 64 KiB in 10 s, about 6.5 kB a second. Default 64 KiB.
   */
  sliceBytes: number
  /** A connection without a request is closed after this. Clients are told a second less. Default 30 s. */
  idleMs: number
  /** The same while connections are scarce, see `crowdedRatio`. Default 8 s. */
  crowdedIdleMs: number
  /** And the time for a header section then. Default 3 s. */
  crowdedHeadersTimeoutMs: number
  /** An address (or the process) that holds more than this share of its connections is crowded. Default 0.25. */
  crowdedRatio: number
  /** Open connections of the process; beyond: 503 and close. Default 4096. */
  connectionsMax: number
  /** Open connections of one remote address (an IPv6 /64 counts as one); beyond: 503 and close. Default 1024. */
  connectionsPerAddressMax: number
  /** How long input is discarded after a refusal, so that the client gets to read the answer. Default 5 s. */
  lingerMs: number
  /** Discarding ends sooner when nothing came for this long. Default 1 s. */
  lingerQuietMs: number
  /** And when this much was discarded. Default 16 MiB. */
  lingerBytesMax: number
  /** Period of the guard's sweep and of Node's look at its own timeouts. Default 250 ms. */
  sweepMs: number
  /** While draining: the time in which a kept-alive client may send one more request and be told to leave. Default 1 s. */
  drainGraceMs: number
}

/** The defaults that the servers, the documentation and the tests all use. */
export const httpLimits: Readonly<HttpLimits> = Object.freeze({
  headerBytesMax: 16 * 1024,
  headerFieldsMax: 100,
  bodyBytesMax: 1024 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  bodyGraceMs: 5_000,
  bodyBytesPerSMin: 500,
  readerStallMs: 10_000,
  sliceBytes: 64 * 1024,
  idleMs: 30_000,
  crowdedIdleMs: 8_000,
  crowdedHeadersTimeoutMs: 3_000,
  crowdedRatio: 0.25,
  connectionsMax: 4096,
  connectionsPerAddressMax: 1024,
  lingerMs: 5_000,
  lingerQuietMs: 1_000,
  lingerBytesMax: 16 * 1024 * 1024,
  sweepMs: 250,
  drainGraceMs: 1_000,
})
