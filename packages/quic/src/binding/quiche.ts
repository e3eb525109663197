/*
 * quiche as its binding for Node shows it: what this package uses of it, as types of our own. They are the documentation that
 * a reader needs, and what uses them compiles where the binding is not installed.
 * Source: the documentation of Cloudflare's quiche; the binding is MatrixAI's js-quic.
 */

/** An address as quiche takes it: never a name. */
export interface HostPort {
  host: string
  port: number
}

/** One way between two addresses. */
export interface Path {
  from: HostPort
  to: HostPort
}

export interface ConnectionFault {
  /** True where HTTP/3 ended the connection, false where QUIC or TLS did. */
  isApp: boolean
  errorCode: number
  reason: Uint8Array
}

export type QuichePathEvent =
  /** Somebody sent from an address that is new: it is being validated. Servers only. */
  | { type: 'New'; local: HostPort; peer: HostPort }
  /** A PATH_RESPONSE with our challenge has come. */
  | { type: 'Validated'; local: HostPort; peer: HostPort }
  /** It has not, and we have stopped asking. */
  | { type: 'FailedValidation'; local: HostPort; peer: HostPort }
  | { type: 'Closed'; local: HostPort; peer: HostPort }
  | { type: 'ReusedSourceConnectionId'; seq: number }
  /** The peer sends from `new` from now on. The binding calls our own address `old`. */
  | { type: 'PeerMigrated'; old: HostPort; new: HostPort }

export interface QuichePathStats {
  localHost: HostPort
  peerHost: HostPort
  active: boolean
  /** Datagrams, in and out. */
  recv: number
  sent: number
}

/** A connection without sockets or timers: bytes go in, bytes come out, and somebody else carries them. */
export interface QuicheConnection {
  /** What `session` gave of an earlier connection. Before the first `send`. @throws Error where it is none. */
  setSession(session: Uint8Array): void
  /** Undefined where the server has sent no ticket. */
  session(): Uint8Array | null
  /** @param data decrypted in place. @throws Error for a packet that is no good; the connection knows what to make of it. */
  recv(data: Uint8Array, path: Path): number
  /** Writes the next datagram. @returns how long it is and where it goes; null where there is nothing to send. */
  send(data: Uint8Array): [number, Path] | null
  /** @returns bytes, and whether they were the last; null where there is nothing. @throws Error `StreamReset(code)`. */
  streamRecv(streamId: number, data: Uint8Array): [number, boolean] | null
  /** @returns bytes taken, maybe fewer than given; null where the window is closed. @throws Error `StreamStopped(code)`. */
  streamSend(streamId: number, data: Uint8Array, fin: boolean): number | null
  /** @param direction 0 reading: STOP_SENDING; 1 writing: RESET_STREAM. */
  streamShutdown(streamId: number, direction: 0 | 1, code: number): void
  /** @throws Error for a stream that is not there any more. */
  streamCapacity(streamId: number): number
  peerStreamsLeftBidi(): number
  readable(): Iterable<number>
  /** ms until `onTimeout` is due; null where nothing is awaited. */
  timeout(): number | null
  onTimeout(): void
  probePath(local: HostPort, peer: HostPort): number
  migrate(local: HostPort, peer: HostPort): number
  newSourceCid(id: Uint8Array, resetToken: bigint, retireIfNeeded: boolean): number
  sourceCidsLeft(): number
  retiredScidNext(): Uint8Array | null
  availableDcids(): number
  pathEventNext(): QuichePathEvent | null
  close(isApp: boolean, code: number, reason: Uint8Array): void
  applicationProto(): Uint8Array
  peerCertChain(): Uint8Array[] | null
  isEstablished(): boolean
  /** The handshake goes on, and streams carry what was sent before its end. */
  isInEarlyData(): boolean
  /** By a ticket, without certificates. */
  isResumed(): boolean
  isDraining(): boolean
  isClosed(): boolean
  isTimedOut(): boolean
  peerError(): ConnectionFault | null
  localError(): ConnectionFault | null
  pathStats(): QuichePathStats[]
  sendAckEliciting(): void
}

export interface QuicheConfig {
  enableEarlyData(): void
  setMaxIdleTimeout(ms: number): void
  setMaxRecvUdpPayloadSize(bytes: number): void
  setMaxSendUdpPayloadSize(bytes: number): void
  setInitialMaxData(bytes: number): void
  setInitialMaxStreamDataBidiLocal(bytes: number): void
  setInitialMaxStreamDataBidiRemote(bytes: number): void
  setInitialMaxStreamDataUni(bytes: number): void
  setInitialMaxStreamsBidi(count: number): void
  setInitialMaxStreamsUni(count: number): void
  setMaxStreamWindow(bytes: number): void
  setMaxConnectionWindow(bytes: number): void
  setActiveConnectionIdLimit(count: number): void
  setDisableActiveMigration(isDisabled: boolean): void
  setApplicationProtos(names: string[]): void
}

/** Of a packet with a long header; nothing in it is authentic yet. */
export interface QuicheHeader {
  /** 0 is Initial. */
  ty: number
  version: number
  dcid: Uint8Array
  scid: Uint8Array
  token?: Uint8Array | null
}

/** What the native module exports. */
export interface Quiche {
  MIN_CLIENT_INITIAL_LEN: number
  Config: {
    /** Keys, certificates and authorities are PEM. @throws Error where they are none. */
    withBoringSslCtx(
      verifyPeer: boolean,
      verifyAllowFail: boolean,
      ca: Uint8Array | null,
      keys: Uint8Array[] | null,
      certificates: Uint8Array[] | null,
      signatureAlgorithms: string | null,
    ): QuicheConfig
  }
  Connection: {
    connect(
      serverName: string | null,
      id: Uint8Array,
      local: HostPort,
      peer: HostPort,
      config: QuicheConfig,
    ): QuicheConnection
    accept(
      id: Uint8Array,
      originalId: Uint8Array | null,
      local: HostPort,
      peer: HostPort,
      config: QuicheConfig,
    ): QuicheConnection
  }
  Header: { fromSlice(data: Uint8Array, idBytes: number): QuicheHeader }
  versionIsSupported(version: number): boolean
  negotiateVersion(clientId: Uint8Array, originalId: Uint8Array, out: Uint8Array): number
  retry(
    clientId: Uint8Array,
    originalId: Uint8Array,
    newId: Uint8Array,
    token: Uint8Array,
    version: number,
    out: Uint8Array,
  ): number
}
