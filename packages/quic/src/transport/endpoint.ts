import { randomBytes } from 'node:crypto'
import type { Clock } from '@qps/core'
import { addressKey } from '@qps/http-contract'
import { loadQuiche } from '../binding/load.ts'
import type { HostPort, Quiche, QuicheConfig, QuicheConnection, QuicheHeader } from '../binding/quiche.ts'
import type { QuicLimits } from '../limits.ts'
import { Driver } from './driver.ts'
import { idBytes, type PacketHead, readPacketHead } from './packet-head.ts'
import { type ConnectionPost, QuicConnection } from './quic-connection.ts'
import { RetryTokens } from './retry-token.ts'
import { UdpSocket } from './udp-socket.ts'

/** Why somebody is turned away before there is a connection: values of a metric's label. */
export type EndpointRefusal = 'connections' | 'address-connections' | 'handshakes' | 'bad-token'

export interface EndpointOptions {
  config: QuicheConfig
  limits: QuicLimits
  clock: Clock
  /** A client has begun a handshake: give the connection its owner. */
  onConnection: (connection: QuicConnection, peer: HostPort) => void
  onRefused?: ((reason: EndpointRefusal) => void) | undefined
}

interface Held {
  /** What the client is counted under. */
  address: string
  ids: Set<string>
  startMs: number
}

/** RFC 9000, section 20.1. */
const connectionRefused = 2
/** What a server may send to an address that has not shown itself: three times what came. RFC 9000, section 8.1. */
const helloDatagramsMax = 3
/** Initial, of the types of long headers. */
const initialType = 0

/**
 * The server's end of UDP: finds the connection that a datagram is for, begins one where a client asks for it, and answers
 * what needs no connection. What is none of these is dropped in silence, as RFC 9000 section 5.2 has it: whoever answers
 * garbage can be made to send it to others.
 *
 *     a known id                  → its connection, wherever the datagram came from
 *     an unknown version          → version negotiation
 *     Initial, at least 1200 B    → a connection; or Retry while many handshakes are unfinished
 *     anything else               → nothing
 */
export class Endpoint implements ConnectionPost, Disposable {
  readonly driver: Driver
  /** Datagrams that were for nobody. */
  dropped = 0
  /** Clients that were asked for a token first. */
  retried = 0
  readonly #options: EndpointOptions
  readonly #quiche: Quiche = loadQuiche()
  readonly #tokens: RetryTokens
  readonly #held = new Map<QuicConnection, Held>()
  readonly #byId = new Map<string, QuicConnection>()
  readonly #perAddress = new Map<string, number>()
  readonly #handshaking = new Set<QuicConnection>()
  #socket: UdpSocket | undefined
  #isAccepting = true

  constructor(options: EndpointOptions) {
    this.#options = options
    this.driver = new Driver(options.clock, options.limits)
    this.#tokens = new RetryTokens(options.limits.retryTokenMs)
  }

  /** @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE. @returns where it listens. */
  async listen(at: HostPort): Promise<HostPort> {
    this.#socket = await UdpSocket.open(at, this.driver.pool, (datagram, from) => this.#take(datagram, from))
    return this.#socket.local
  }

  get connections(): number {
    return this.#held.size
  }

  /** Begins no connection any more. */
  stopAccepting(): void {
    this.#isAccepting = false
  }

  handshakeDone(connection: QuicConnection): void {
    this.#handshaking.delete(connection)
  }

  /** Ends handshakes that take longer than they may. Called by the sweep. */
  sweepHandshakes(): void {
    const beforeMs = this.driver.nowMs - this.#options.limits.handshakeTimeoutMs
    for (const connection of this.#handshaking) {
      if (this.#held.get(connection)!.startMs <= beforeMs) this.gone(connection)
    }
  }

  /** There is one socket, whatever the path. */
  socketAt(): UdpSocket | undefined {
    return this.#socket
  }

  idGiven(id: Uint8Array, connection: QuicConnection): void {
    const key = Buffer.from(id).toString('latin1')
    this.#byId.set(key, connection)
    this.#held.get(connection)?.ids.add(key)
  }

  idRetired(id: Uint8Array): void {
    const key = Buffer.from(id).toString('latin1')
    const connection = this.#byId.get(key)
    if (connection !== undefined) this.#held.get(connection)?.ids.delete(key)
    this.#byId.delete(key)
  }

  gone(connection: QuicConnection): void {
    this.driver.remove(connection)
    this.#handshaking.delete(connection)
    const held = this.#held.get(connection)
    if (held === undefined) return
    this.#held.delete(connection)
    for (const id of held.ids) this.#byId.delete(id)
    const left = this.#perAddress.get(held.address)! - 1
    if (left === 0) this.#perAddress.delete(held.address)
    else this.#perAddress.set(held.address, left)
    connection.abandon()
  }

  /** Forgets everybody, without a word. */
  [Symbol.dispose](): void {
    for (const connection of this.#held.keys()) this.gone(connection)
    this.driver[Symbol.dispose]()
    this.#socket?.close()
  }

  #take(datagram: Buffer, from: HostPort): void {
    const head = readPacketHead(datagram)
    const connection = head === undefined ? undefined : this.#byId.get(head.id)
    if (connection !== undefined) connection.receive(datagram, from, this.#socket!.local)
    else if (head === undefined || !this.#begin(head, datagram, from)) this.dropped++
  }

  /** @returns false where the datagram begins nothing. */
  #begin({ isLong, version }: PacketHead, datagram: Buffer, from: HostPort): boolean {
    // Less than a client's first datagram must have, and less than our answers might.
    if (!isLong || !this.#isAccepting || datagram.length < this.#quiche.MIN_CLIENT_INITIAL_LEN) return false
    const header = this.#headerOf(datagram)
    if (header === undefined) return false
    if (!this.#quiche.versionIsSupported(version)) {
      // Version 0 is itself a negotiation: answering it could go on for ever.
      return version !== 0 && this.#reply(from, (out) => this.#quiche.negotiateVersion(header.scid, header.dcid, out))
    }
    // RFC 9000, section 7.2: a client's first choice of an id has at least 8 bytes.
    if (header.ty !== initialType || header.dcid.length < 8) return false
    const refusal = this.#refusal(from)
    if (refusal !== undefined) return this.#turnAway(refusal, datagram, from)
    const token = header.token ?? new Uint8Array(0)
    if (token.length > 0) {
      const originalId = this.#tokens.open(token, from, this.driver.nowMs)
      if (originalId === undefined) {
        this.#options.onRefused?.('bad-token')
        return false
      }
      return this.#accept(header.dcid, originalId, datagram, from)
    }
    if (this.#handshaking.size >= this.#options.limits.handshakesFreeMax) return this.#retry(header, from)
    return this.#accept(randomBytes(idBytes), undefined, datagram, from, header.dcid)
  }

  #headerOf(datagram: Buffer): QuicheHeader | undefined {
    try {
      return this.#quiche.Header.fromSlice(datagram, idBytes)
    } catch {
      return undefined
    }
  }

  #refusal(from: HostPort): EndpointRefusal | undefined {
    const { connectionsMax, connectionsPerAddressMax, handshakesMax } = this.#options.limits
    if (this.#held.size >= connectionsMax) return 'connections'
    if ((this.#perAddress.get(addressKey(from.host)) ?? 0) >= connectionsPerAddressMax) return 'address-connections'
    return this.#handshaking.size >= handshakesMax ? 'handshakes' : undefined
  }

  /**
   * Says CONNECTION_REFUSED (RFC 9000, section 5.2.2) and forgets the client. quiche says it under the keys of the handshake,
   * which the client has from our hello alone; as that costs a signature, nobody is told anything while many handshakes are
   * under way.
   */
  #turnAway(reason: EndpointRefusal, datagram: Buffer, from: HostPort): boolean {
    this.#options.onRefused?.(reason)
    if (this.#handshaking.size >= this.#options.limits.handshakesFreeMax) return false
    const { local } = this.#socket!
    try {
      const raw = this.#quiche.Connection.accept(randomBytes(idBytes), null, local, from, this.#options.config)
      const next = (out: Buffer): number => raw.send(out)?.[0] ?? 0
      raw.recv(datagram, { from, to: local })
      for (let sent = 0; sent < helloDatagramsMax; sent++) if (!this.#reply(from, next)) break
      raw.close(false, connectionRefused, Buffer.from('as many connections as there may be'))
      return this.#reply(from, next)
    } catch {
      return false
    }
  }

  #retry(header: QuicheHeader, from: HostPort): boolean {
    this.retried++
    const token = this.#tokens.make(header.dcid, from, this.driver.nowMs)
    const newId = randomBytes(idBytes)
    return this.#reply(from, (out) => this.#quiche.retry(header.scid, header.dcid, newId, token, header.version, out))
  }

  /** One datagram, for which nothing is remembered. @param write returns its length; 0 or less where there is none. */
  #reply(to: HostPort, write: (out: Buffer) => number): boolean {
    const { pool } = this.driver
    if (!pool.hasRoom) return false
    const buffer = pool.lease()
    let length = 0
    try {
      length = write(buffer)
    } catch {
      // What the client has sent leaves nothing to say.
    }
    if (length > 0) this.#socket!.send(buffer, length, to)
    else pool.release(buffer)
    return length > 0
  }

  /**
   * @param id what the client is to call the connection. @param originalId what it called it before Retry.
   * @param firstId what it calls it until it learns `id`.
   */
  #accept(
    id: Uint8Array,
    originalId: Uint8Array | undefined,
    datagram: Buffer,
    from: HostPort,
    firstId?: Uint8Array,
  ): boolean {
    const { config, limits, onConnection } = this.#options
    const { local } = this.#socket!
    let raw: QuicheConnection
    try {
      raw = this.#quiche.Connection.accept(id, originalId ?? null, local, from, config)
    } catch {
      // An address that quiche cannot read: one of a link, with its zone.
      return false
    }
    const connection = new QuicConnection(raw, this.driver, this, limits)
    const address = addressKey(from.host)
    this.#held.set(connection, { address, ids: new Set(), startMs: this.driver.nowMs })
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1)
    this.#handshaking.add(connection)
    this.idGiven(id, connection)
    if (firstId !== undefined) this.idGiven(firstId, connection)
    onConnection(connection, from)
    const isAuthentic = connection.receive(datagram, from, local)
    if (!isAuthentic) this.gone(connection)
    return isAuthentic
  }
}
